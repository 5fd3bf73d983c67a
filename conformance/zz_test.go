package conformance

import (
	"fmt"
	"testing"
)

func TestList(t *testing.T) {
	for c := range Cases() {
		fmt.Println(c.ID, "|", c.Level, "|", c.Doc)
	}
}
