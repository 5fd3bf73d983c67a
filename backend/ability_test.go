package backend

import (
	"context"
	"errors"
	"io"
	"iter"
	"testing"
	"time"
)

// TestAbilitiesThatAreMissing asks a store that can only what every store can.
func TestAbilitiesThatAreMissing(t *testing.T) {
	var b Backend = opened{driver: "plain"}
	ctx := t.Context()
	only := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"revision":      only(Revision(ctx, b)),
		"identity":      only(Identity(ctx, b)),
		"rate":          only(RateOf(b)),
		"set a time":    SetModTime(ctx, b, "a", time.Unix(1, 0)),
		"usage":         only(Usage(ctx, b)),
		"properties":    only(Properties(ctx, b, "a")),
		"set some":      SetProperties(ctx, b, "a", map[string]string{"{x}y": "z"}, nil),
		"share":         only(Sharing(b)),
		"trash":         only(Trashcan(b)),
		"link":          only(DownloadLink(ctx, b, "a")),
		"preview":       only(Preview(ctx, b, "a", 100)),
		"fetch":         Fetch(ctx, b, "a", "https://example.org/"),
		"list all":      firstError(Files(ctx, b, FilesOptions{})),
		"read a public": only(PublicOf(b)),
	} {
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func firstError(entries iter.Seq2[Entry, error]) error {
	for _, err := range entries {
		return err
	}
	return nil
}

// pictured makes previews, behind a wrapper that may be bypassed.
type pictured struct{ Backend }

func (pictured) Preview(context.Context, string, int) (io.ReadCloser, error) { return nil, io.EOF }

func TestAnAbilityIsSeenThroughAWrapper(t *testing.T) {
	type wrapper struct {
		Backend
		unwrapper
	}
	b := wrapper{unwrapper: func() Backend { return pictured{} }}
	if _, err := Preview(t.Context(), b, "a", 100); !errors.Is(err, io.EOF) {
		t.Errorf("the picture of what is wrapped was not asked for: %v", err)
	}
}
