// Package yandex is a backend on Yandex Disk, through its REST API.
//
//	b, err := yandex.New(yandex.Config{Token: yandex.StaticToken(token)})
//	if err != nil {
//		return err
//	}
//	defer b.Close()
//	self, children, err := b.List(ctx, "Documents")
//
// [OAuth] obtains tokens with the user's consent, [TokenStore] keeps and
// refreshes them.
//
// # Facts about the service
//
// The facts below are those of the API reference
// (https://yandex.com/dev/disk-api/doc/en/) where it has them, and otherwise
// what clients of the service have measured.
//
//   - Nothing is visible of an upload until its last byte is stored; then the
//     new content takes the place of the old in one step.
//   - There is no conditional write. IfAbsent becomes overwrite=false, which
//     the service judges when it gives out the upload link. IfVersion is
//     checked by a call just before; only for the removal of a file does the
//     service compare the content itself.
//   - A download link is pinned to the content it was given out for, works
//     for four hours, and comes with every listing.
//   - Copying, moving and removing a folder is one call, which may go on as an
//     operation that is followed to its end.
//   - Whether a folder that is overwritten is replaced or merged into is not
//     documented: this package overwrites files by files only.
//   - Times cannot be set. The property rclone_modified holds them, as rclone
//     writes it.
//   - Names are case-sensitive and kept as they were given.
//
// # Errors
//
// Errors are those of package backend with the message of the service. A name
// is fs.ErrNotExist only if the service has returned the code for that;
// anything else, such as the error page of a proxy, is backend.ErrUnavailable.
package yandex
