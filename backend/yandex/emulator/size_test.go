//go:build !race

package emulator_test

// streamed is how much TestContentIsStreamed moves.
const streamed = 1 << 30
