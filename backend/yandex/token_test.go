package yandex

import (
	"fmt"
	"strings"
	"testing"
)

// TestTokenIsNotPrinted prints a configuration in every way.
func TestTokenIsNotPrinted(t *testing.T) {
	cfg := Config{Token: StaticToken("secret")}
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(format, cfg); strings.Contains(text, "secret") {
			t.Errorf("%s prints %s", format, text)
		}
	}
}
