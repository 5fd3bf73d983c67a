//go:build race

package emulator_test

// streamed is how much TestContentIsStreamed moves: the race detector is slow.
const streamed = 128 << 20
