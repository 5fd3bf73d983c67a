package cmd

import (
	_ "embed"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

// licenses are those of all that is built in.
//
//go:embed licenses.txt
var licenses string

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:  "version",
		Usage: "print the version, or the licenses of everything built in",
		Flags: []cli.Flag{switchFlag("licenses", "print the licenses of davdisk and of all libraries in it"), jsonFlag()},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c); err != nil {
				return err
			}
			if c.Bool("licenses") {
				_, err := fmt.Fprint(c.App.Writer, licenses)
				return err
			}
			v := version()
			if c.Bool("json") {
				return writeJSON(c.App.Writer, v)
			}
			_, err := fmt.Fprintf(c.App.Writer, "davdisk %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			return err
		},
	}
}

type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// modulePath is what davdisk is called among the modules of a program.
const modulePath = "github.com/davdisk/davdisk"

// version is what the Go tool has noted in the binary.
func version() versionInfo {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	return versionOf(info)
}

// versionOf finds davdisk in what a binary was built of: it is the main module,
// or one that a program with drivers of its own depends on.
func versionOf(info *debug.BuildInfo) versionInfo {
	v := versionInfo{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	davdisk := info.Main
	for _, dep := range info.Deps {
		if dep.Path == modulePath {
			davdisk = *dep
		}
	}
	if davdisk.Version != "" && davdisk.Replace == nil {
		v.Version = davdisk.Version
	}
	if info.Main.Path != modulePath {
		return v // the revision is that of the main module
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			v.Revision = setting.Value
		}
	}
	return v
}
