// Testrun runs go test with its arguments, and shows how far it is: each
// package as it ends, which tests are running while nothing ends, and of a
// failure all that the test wrote. Its exit code is that of go test.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"
)

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "testrun:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(args []string) (code int, err error) {
	test := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	test.Stderr = os.Stderr
	events, err := test.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := test.Start(); err != nil {
		return 0, err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	shown := show(events, os.Stdout, tick.C)
	err = errors.Join(test.Wait(), shown)
	if exit := (*exec.ExitError)(nil); shown == nil && errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}
