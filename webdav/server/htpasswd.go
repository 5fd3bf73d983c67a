package server

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// ReadHtpasswd reads users from a file in the format of Apache's htpasswd, a
// line "name:hash" each. Only bcrypt is accepted (htpasswd -B): older hashes
// are too weak. An error has the line number, never the hash.
func ReadHtpasswd(r io.Reader) ([]User, error) {
	var users []User
	seen := map[string]bool{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\uFEFF"))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, hash, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return nil, fmt.Errorf("line %d: want name:hash", n)
		}
		if seen[name] {
			return nil, fmt.Errorf("line %d: user %q is there twice", n, name)
		}
		seen[name] = true
		verify, err := BcryptPassword(hash)
		if err != nil {
			return nil, fmt.Errorf("line %d: user %q: %w", n, name, err)
		}
		users = append(users, User{Name: name, Verify: verify, Secret: hash})
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(users) == 0 {
		return nil, fmt.Errorf("no users")
	}
	return users, nil
}
