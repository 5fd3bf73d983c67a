package crypt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"golang.org/x/crypto/nacl/secretbox"
)

// foldersTried bounds in how many folders something is looked for that the
// password can be tried on.
const foldersTried = 32

// checkPassword fails if there is something in the store and nothing of it is
// encrypted with this password, so that a wrong one does not show an empty disk.
func (s *store) checkPassword(ctx context.Context) error {
	folders, strange := []string{"."}, ""
	for n := 0; len(folders) > 0 && n < foldersTried; n++ {
		folder := folders[0]
		folders = folders[1:]
		_, children, err := s.inner.List(ctx, folder)
		if n == 0 && errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the folder does not exist; make it first: %w", err)
		}
		if err != nil {
			return err
		}
		for info, err := range children {
			if err != nil {
				return err
			}
			at := path.Join(folder, info.Name)
			if info.Dir && s.names.plainFolders {
				folders = append(folders, at)
				continue
			}
			if _, ok := s.names.plainBase(info.Name, info.Dir); !ok {
				strange = at
				continue
			}
			if s.names.block != nil {
				return nil
			}
			if tried, err := s.try(ctx, at); tried || err != nil {
				return err
			}
		}
	}
	if strange != "" {
		return fmt.Errorf("of all that is there (such as %q) no name decrypts: the password is wrong, or so is the encryption of names, "+
			"or this is no encrypted folder; a new one must be empty", strange)
	}
	s.log.Warn("there is nothing yet that the password could be tried on; what is stored now needs this one for ever")
	return nil
}

// try opens the first block of a file. It reports false if there is none,
// because the file is empty.
func (s *store) try(ctx context.Context, at string) (bool, error) {
	inner, err := s.inner.Open(ctx, at, "")
	if err != nil {
		return false, err
	}
	defer inner.Close()
	src, err := inner.Range(ctx, 0, headerSize+sealedBlock)
	if err != nil {
		return false, err
	}
	defer src.Close()
	data, err := io.ReadAll(src)
	if err != nil {
		return false, err
	}
	header, sealed := data[:min(headerSize, int64(len(data)))], data[min(headerSize, int64(len(data))):]
	first, ok := parseHeader(header)
	if ok && len(sealed) == 0 {
		return false, nil
	}
	if ok {
		_, ok = secretbox.Open(nil, sealed, (*[24]byte)(&first), &s.keys.content)
	}
	if !ok {
		return true, fmt.Errorf("%q is not encrypted with this password", at)
	}
	return true, nil
}
