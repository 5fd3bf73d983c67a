package yandex

import (
	"context"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/davdisk/davdisk/backend"
	"github.com/davdisk/davdisk/backend/yandex/internal/api"
)

// Usage implements backend.Usager. Total is that of the account, whatever the
// root.
func (b *Backend) Usage(ctx context.Context) (backend.Space, error) {
	d, err := b.account.recent(ctx)
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
// change of the disk was observed and is not documented. A response without
// one is backend.ErrUnavailable: taken for a number, it would say that nothing
// has changed.
func (b *Backend) Revision(ctx context.Context) (string, error) {
	d, err := b.account.ask(ctx)
	if err != nil {
		return "", pathError("revision", ".", err)
	}
	if d.Revision <= 0 {
		return "", backend.PathError("revision", ".", backend.ErrUnavailable, "the service did not give it")
	}
	return strconv.FormatInt(int64(d.Revision), 10), nil
}

// Account describes the owner of the disk.
type Account struct {
	Login   string
	Name    string // as shown to people
	UID     string
	Country string
	Paid    bool
}

// Account returns the owner of the disk.
func (b *Backend) Account(ctx context.Context) (Account, error) {
	d, err := b.account.recent(ctx)
	if err != nil {
		return Account{}, pathError("account", ".", err)
	}
	return Account{
		Login: string(d.User.Login), Name: string(d.User.Name), UID: string(d.User.UID),
		Country: string(d.User.Country), Paid: bool(d.Paid),
	}, nil
}

// account caches the description of the disk as a whole. One call serves
// space, limits and revision for a while.
type account struct {
	api *api.Client
	now func() time.Time

	mu    sync.Mutex // guards what follows
	known api.Disk
	at    time.Time
}

const (
	// accountTime is how long the figures are good. They lag behind anyway.
	accountTime   = 5 * time.Second
	accountFields = "total_space,used_space,trash_size,max_file_size,paid_max_file_size,is_paid,revision,user"
)

// ask calls the service.
func (a *account) ask(ctx context.Context) (api.Disk, error) {
	var d api.Disk
	if _, err := a.api.Do(ctx, api.Request{Call: api.GetDisk, Query: url.Values{"fields": {accountFields}}, Out: &d}); err != nil {
		return api.Disk{}, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known, a.at = d, a.now()
	return d, nil
}

// recent returns a recent response, or calls the service.
func (a *account) recent(ctx context.Context) (api.Disk, error) {
	a.mu.Lock()
	d, age := a.known, a.now().Sub(a.at)
	a.mu.Unlock()
	if age < accountTime {
		return d, ctx.Err()
	}
	return a.ask(ctx)
}
