package yandex

import (
	"context"
	"net/url"
	"strconv"

	"github.com/davdisk/davdisk/backend"
)

// Usage implements backend.Usager. Total is that of the account, whatever the
// root.
func (b *Backend) Usage(ctx context.Context) (backend.Space, error) {
	d, err := b.disk(ctx, "total_space,used_space,trash_size,max_file_size,paid_max_file_size,is_paid")
	if err != nil {
		return backend.Space{}, pathError("usage", ".", err)
	}
	space := backend.Space{Total: int64(d.Total), Used: int64(d.Used), Trash: int64(d.Trash), MaxFile: int64(d.MaxFile)}
	if d.Paid {
		space.MaxFile = max(space.MaxFile, int64(d.PaidMax))
	}
	return space, nil
}

// Revision implements backend.Revisioner. That the number moves with every
// change of the disk is what was seen; nobody documents it.
func (b *Backend) Revision(ctx context.Context) (string, error) {
	d, err := b.disk(ctx, "revision")
	if err != nil {
		return "", pathError("revision", ".", err)
	}
	return strconv.FormatInt(int64(d.Revision), 10), nil
}

// Account describes whose disk it is.
type Account struct {
	Login   string
	Name    string // as shown to people
	UID     string
	Country string
	Paid    bool
}

// Account asks whose disk it is.
func (b *Backend) Account(ctx context.Context) (Account, error) {
	d, err := b.disk(ctx, "user,is_paid")
	if err != nil {
		return Account{}, pathError("account", ".", err)
	}
	return Account{
		Login: string(d.User.Login), Name: string(d.User.Name), UID: string(d.User.UID),
		Country: string(d.User.Country), Paid: bool(d.Paid),
	}, nil
}

func (b *Backend) disk(ctx context.Context, fields string) (disk, error) {
	var d disk
	_, err := b.api.do(ctx, request{call: getDisk, query: url.Values{"fields": {fields}}, out: &d})
	return d, err
}
