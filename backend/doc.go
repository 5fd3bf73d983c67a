// Package backend is the contract between a store of files and everything
// built on one.
//
// A store is a [Backend]: seven methods that keep bytes under names. Open
// files, seeking, partial writes, caches and replacing folders are not its
// concern; package vfs builds them on the seven. For each thing that a store
// can do beyond them it implements a small interface ([Copier], [Usager],
// [Revisioner], …). Callers never assert such an interface themselves: they
// call the function beside it ([Copy], [Usage], …), which uses the ability or
// documents what happens without it.
//
// # Names
//
// A name is slash-separated, relative to the root the backend was opened at
// and clean in the sense of [io/fs.ValidPath]; "." is the root itself. A
// backend must refuse any other name with [io/fs.ErrInvalid], which
// [CheckName] does for it.
//
// # Whole or not at all
//
// Put must leave the old content untouched until the new one is complete and
// stored, and must return nil only then. Whatever fails, a reader finds the
// old content or the new one, never a part and never nothing.
//
// # What a store lacks
//
// Some stores cannot keep all of the contract, and no method could show that
// before something is lost. Such a store declares what it lacks, as a
// [Declarer]; one that declares nothing claims the whole contract. Callers ask
// with [CapabilitiesOf].
//
// # Cancellation
//
// Canceling the context stops an operation until its body is complete or the
// operation has been issued to the store. From then on the driver completes
// it, with a deadline of its own, so that its outcome is known.
//
// # Errors
//
// Errors are a [*io/fs.PathError], or an [*os.LinkError] for an operation on
// two names, wrapping an [*Error] with one of the sentinels of this package or
// of io/fs and the message of the store. [io/fs.ErrNotExist] must be returned
// only if the store has reported it: a store that cannot be reached is
// [ErrUnavailable].
//
// # Proof
//
// A driver must pass package backendtest, and vfs over it package
// conformance.
package backend
