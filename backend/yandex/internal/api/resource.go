package api

import (
	"context"
	"fmt"

	"github.com/davdisk/davdisk/backend"
)

// Resource makes a call whose response is a resource.
func (c *Client) Resource(ctx context.Context, r Request) (*Resource, error) {
	var found Resource
	r.Out = &found
	if _, err := c.Do(ctx, r); err != nil {
		return nil, err
	}
	return &found, found.Check()
}

// Check fails if a resource has no type, or no size.
func (r *Resource) Check() error {
	if err := r.CheckType(); err != nil {
		return err
	}
	return r.CheckSize()
}

// CheckType fails if a resource does not say what it is.
func (r *Resource) CheckType() error {
	if r.Type != "file" && r.Type != "dir" {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: "the service's response describes neither a file nor a folder"}
	}
	return nil
}

// emptyMD5 is the hash of empty content.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// CheckSize fails if a file that is not empty has no size: it would be read as
// an empty one.
func (r *Resource) CheckSize() error {
	if r.Type == "file" && r.Size <= 0 && r.MD5 != "" && r.MD5 != emptyMD5 || r.Size < 0 {
		return &backend.Error{Kind: backend.ErrUnavailable, Message: fmt.Sprintf("the service does not say the size of %q", string(r.Name))}
	}
	return nil
}
