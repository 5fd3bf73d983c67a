package memory_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/backendtest"
	"github.com/davdisk/davdisk/backend/memory"
)

func TestContract(t *testing.T) {
	backendtest.Run(t, func(backendtest.TB) backend.Backend { return memory.New(memory.Options{}) })
}

func TestRoomIsLimited(t *testing.T) {
	ctx := t.Context()
	b := memory.New(memory.Options{Total: 10, MaxFile: 8})
	put := func(name, content string, size int64) error {
		_, err := b.Put(ctx, name, strings.NewReader(content), backend.PutOptions{Size: size})
		return err
	}
	if err := put("f", "12345678", 8); err != nil {
		t.Fatal(err)
	}
	if err := put("g", "123", 3); !errors.Is(err, backend.ErrQuota) {
		t.Errorf("11 bytes in 10: %v", err)
	}
	if err := put("f", "123456789", -1); !errors.Is(err, backend.ErrTooLarge) {
		t.Errorf("9 bytes where 8 may be: %v", err)
	}
	if err := b.Copy(ctx, "f", "copy", backend.CopyOptions{}); !errors.Is(err, backend.ErrQuota) {
		t.Errorf("a copy of 8 bytes in 2: %v", err)
	}
	if err := put("f", "1", 1); err != nil {
		t.Errorf("a smaller file in place of a larger one: %v", err)
	}
	if space, err := b.Usage(ctx); err != nil || space.Used != 1 || space.Free() != 9 {
		t.Errorf("usage says %+v, %v", space, err)
	}
}
