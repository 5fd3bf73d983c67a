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

// foldersTried and filesTried bound in how many folders something is looked for
// that the password can be tried on, and on how many files it is tried.
const (
	foldersTried = 32
	filesTried   = 8
)

// checkPassword fails if there is something in the store and nothing of it is
// encrypted with this password, so that a wrong one does not show an empty disk.
// One file that opens is proof. Names alone are not: a short one passes for
// decrypted by any key once in some millions, so most of them must.
func (s *store) checkPassword(ctx context.Context) error {
	folders, strange, damaged := []string{"."}, "", ""
	known, unknown, tries := 0, 0, 0
	for n := 0; len(folders) > 0 && n < foldersTried && tries < filesTried; n++ {
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
			_, ok := s.names.plainBase(info.Name, info.Dir)
			switch {
			case info.Dir && s.names.plainFolders:
				folders = append(folders, at)
			case !ok:
				strange = at
				unknown++
			case info.Dir:
				folders = append(folders, at)
				known++
			case tries < filesTried:
				opens, empty, err := s.try(ctx, at)
				if err != nil || opens {
					return err
				}
				if s.names.block != nil {
					known++
				}
				if !empty {
					tries++
					damaged = at
				}
			}
		}
	}
	switch {
	case damaged != "" && s.names.block == nil:
		return fmt.Errorf("%q is not encrypted with this password", damaged)
	case unknown > known:
		return fmt.Errorf("most names there (such as %q) do not decrypt: the password is wrong, or so is the encryption of names, "+
			"or this is no encrypted folder; a new one must be empty", strange)
	case known == 0:
		s.log.Warn("there is nothing yet that the password could be tried on; what is stored now needs this one for ever")
	}
	return nil
}

// try reports whether the first block of a file opens, or the file is empty.
func (s *store) try(ctx context.Context, at string) (opens, empty bool, err error) {
	inner, err := s.inner.Open(ctx, at, "")
	if err != nil {
		return false, false, err
	}
	defer inner.Close()
	src, err := inner.Range(ctx, 0, headerSize+sealedBlock)
	if err != nil {
		return false, false, err
	}
	defer src.Close()
	data, err := io.ReadAll(src)
	if err != nil {
		return false, false, err
	}
	header, sealed := data[:min(headerSize, int64(len(data)))], data[min(headerSize, int64(len(data))):]
	first, ok := parseHeader(header)
	if !ok || len(sealed) == 0 {
		return false, ok, nil
	}
	_, opens = secretbox.Open(nil, sealed, (*[24]byte)(&first), &s.keys.content)
	return opens, false, nil
}
