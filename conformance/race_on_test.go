//go:build race

package conformance_test

// raceDetector tells whether the tests are built with it.
const raceDetector = true
