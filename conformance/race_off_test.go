//go:build !race

package conformance_test

// raceDetector reports whether the tests are built with it.
const raceDetector = false
