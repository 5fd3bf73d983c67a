// Package conformance checks that an afero.Fs behaves like a file system: like
// package os on a local disk, which passes every case.
//
// A test of a file system is five lines:
//
//	func TestConformance(t *testing.T) {
//		conformance.Run(t, func(tb conformance.TB) afero.Fs { return myfs.New(tb.TempDir()) },
//			conformance.Refuses(conformance.Chown, "the store has no owners"))
//	}
//
// # Cases
//
// The catalog, which Cases yields, has about 600 cases. Each has an ID that
// is also the name of its subtest, a sentence that says what must hold, and a
// Level, the severity of a failure: Data, where bytes are lost or changed,
// success is reported for what was not done, or the process crashes or hangs;
// Errors, where an error is of the wrong kind; Parity, where a detail differs
// from package os. UpTo leaves out the lower severities.
//
// No case depends on another. Each has a file system of its own, and a
// goroutine of its own with a Deadline; a panic or a hang is the result of
// that case, and the rest still runs. Only a fatal error, which no program can
// catch, ends the run: the last line of go test -v names the case, and Crashes
// leaves it out.
//
// Heavy cases, with thousands of files or gigabytes, are run where Long says so.
//
// Errors are matched by their kind, with errors.Is, and never by their text.
// Where POSIX leaves open what happens, or systems differ, either outcome
// passes as long as nothing is lost.
//
// # What a file system cannot do
//
// A file system is assumed to have every Capability. What it lacks is declared,
// with a reason: it Refuses a capability if the calls fail and change nothing,
// and Ignores it if they succeed and change nothing. The cases that need the
// capability are then not run; a case of its own checks the declaration. Within
// declares limits, such as the length of names, and Settles that changes become
// visible with a delay.
//
// Known declares that a case fails today. Once it passes, the run fails, so
// that the list of exceptions stays true. A declaration that excludes no case,
// and one about a case that does not exist, fail the run as well.
//
// # The random part
//
// Sequences of random operations are compared with a small model of a file
// system, which is itself compared with package os. A mismatch is reduced to
// the fewest operations that show it and printed as a Go test. Seed replays a
// run, Effort sets its size, and FuzzBytes lets Go's fuzzer choose the
// operations.
//
// # Faults
//
// Given a way to inject faults into the file system, see Faulty, every remote
// call of each scenario fails in turn: before it is made, after it has taken
// effect, and halfway through its body. Whatever fails, nil must mean done, and
// an error must leave the old or the new content as a whole.
package conformance
