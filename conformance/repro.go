package conformance

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

// repro prints a disagreement as a Go test that uses only afero. It fails as
// long as the file system does what was seen.
func (d *disagreement) repro() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\tvar fsys afero.Fs = afero.NewMemMapFs() // put the file system in question here, empty\n")
	if slots := d.slots(); slots > 0 {
		fmt.Fprintf(&b, "\tvar f [%d]afero.File\n", slots)
	}
	b.WriteString("\tvar got any\n\tvar err error\n")
	for _, o := range d.steps {
		fmt.Fprintf(&b, "\t%s\n", o.code())
	}
	if d.tree != nil {
		b.WriteString(d.treeCode())
	} else {
		b.WriteString(d.answerCode())
	}
	body := b.String()
	var code strings.Builder
	code.WriteString("import (\n")
	for _, pkg := range []string{"errors", "fmt", "io", "io/fs", "os", "slices", "strings", "testing", "", "github.com/spf13/afero"} {
		name := pkg[strings.LastIndex(pkg, "/")+1:]
		switch {
		case pkg == "":
			code.WriteString("\n")
		case name == "testing", strings.Contains(body, name+"."):
			fmt.Fprintf(&code, "\t%q\n", pkg)
		}
	}
	fmt.Fprintf(&code, ")\n\nfunc TestRepro(t *testing.T) {\n%s}\n", body)
	return code.String()
}

// slots is how many of the handles are used.
func (d *disagreement) slots() int {
	n := 0
	for _, o := range d.steps {
		if o.verb.onHandle() || o.verb.opens() {
			n = max(n, o.handle+1)
		}
	}
	return n
}

// answerCode checks what the last operation answered.
func (d *disagreement) answerCode() string {
	wrong := map[class]string{
		isOK:       "err != nil",
		isNotExist: "!errors.Is(err, fs.ErrNotExist)",
		isExist:    "!errors.Is(err, fs.ErrExist)",
		isClosed:   "!errors.Is(err, fs.ErrClosed)",
		isError:    "err == nil",
	}[d.want.class]
	if d.want.result != "" {
		wrong += fmt.Sprintf(" || got != %q", d.want.result)
	}
	return fmt.Sprintf("\tif %s {\n\t\tt.Errorf(\"%%v, error %%v, want %%s\", got, err, %q)\n\t}\n", wrong, d.want)
}

// treeCode checks what there is afterwards.
func (d *disagreement) treeCode() string {
	var b strings.Builder
	b.WriteString("\tif err != nil {\n\t\tt.Log(got, err)\n\t}\n\tvar tree []string\n")
	b.WriteString("\twalk := func(name string, fi fs.FileInfo, err error) error {\n")
	b.WriteString("\t\tif err != nil || name == \"/\" {\n\t\t\treturn err\n\t\t}\n")
	b.WriteString("\t\tif fi.IsDir() {\n\t\t\ttree = append(tree, name+\"/\")\n\t\t\treturn nil\n\t\t}\n")
	b.WriteString("\t\tcontent, err := afero.ReadFile(fsys, name)\n")
	b.WriteString("\t\ttree = append(tree, fmt.Sprintf(\"%s=%q\", name, content))\n\t\treturn err\n\t}\n")
	b.WriteString("\tif err := afero.Walk(fsys, \"/\", walk); err != nil {\n\t\tt.Error(err)\n\t}\n\tslices.Sort(tree)\n")
	var want []string
	for name, content := range d.holds {
		if strings.HasSuffix(name, "/") {
			want = append(want, "/"+name)
		} else {
			want = append(want, fmt.Sprintf("/%s=%q", name, content))
		}
	}
	sort.Strings(want)
	fmt.Fprintf(&b, "\tif got, want := strings.Join(tree, \"\\n\"), %q; got != want {\n", strings.Join(want, "\n"))
	b.WriteString("\t\tt.Errorf(\"the tree is\\n%s\\nwant\\n%s\", got, want)\n\t}\n")
	return b.String()
}

// code is the operation as Go, which leaves its answer in got and err.
func (o op) code() string {
	path, to, f := fmt.Sprintf("%q", "/"+o.path), fmt.Sprintf("%q", "/"+o.to), fmt.Sprintf("f[%d]", o.handle)
	switch o.verb {
	case opMkdir, opMkdirAll:
		return fmt.Sprintf("err = fsys.%v(%s, 0o755)", o.verb, path)
	case opCreate, opOpen:
		return fmt.Sprintf("%s, err = fsys.%v(%s)", f, o.verb, path)
	case opOpenFile:
		return fmt.Sprintf("%s, err = fsys.OpenFile(%s, %s, 0o644)", f, path, flagCode(o.flag))
	case opRemove, opRemoveAll:
		return fmt.Sprintf("err = fsys.%v(%s)", o.verb, path)
	case opRename:
		return fmt.Sprintf("err = fsys.Rename(%s, %s)", path, to)
	case opStat:
		return fmt.Sprintf("got, err = func() (any, error) {\n\t\tfi, err := fsys.Stat(%s)\n%s", path, describeCode())
	case opList:
		return fmt.Sprintf("got, err = func() (any, error) {\n\t\tdir, err := fsys.Open(%s)\n"+
			"\t\tif err != nil {\n\t\t\treturn nil, err\n\t\t}\n\t\tdefer dir.Close()\n"+
			"\t\tnames, err := dir.Readdirnames(-1)\n\t\tslices.Sort(names)\n\t\treturn strings.Join(names, \" \"), err\n\t}()", path)
	case opRead:
		return fmt.Sprintf("got, err = func() (any, error) {\n\t\tdata, err := io.ReadAll(io.LimitReader(%s, %d))\n"+
			"\t\treturn fmt.Sprintf(\"%%q\", data), err\n\t}()", f, o.n)
	case opReadAt:
		return fmt.Sprintf("got, err = func() (any, error) {\n\t\tbuf := make([]byte, %d)\n\t\tn, err := %s.ReadAt(buf, %d)\n"+
			"\t\tif errors.Is(err, io.EOF) {\n\t\t\terr = nil\n\t\t}\n\t\treturn fmt.Sprintf(\"%%q\", buf[:n]), err\n\t}()", len(o.data), f, o.n)
	case opFileStat:
		return fmt.Sprintf("got, err = func() (any, error) {\n\t\tfi, err := %s.Stat()\n%s", f, describeCode())
	case opWrite:
		return countCode(fmt.Sprintf("%s.Write([]byte(%q))", f, o.data))
	case opWriteString:
		return countCode(fmt.Sprintf("%s.WriteString(%q)", f, o.data))
	case opWriteAt:
		return countCode(fmt.Sprintf("%s.WriteAt([]byte(%q), %d)", f, o.data, o.n))
	case opSeek:
		return countCode(fmt.Sprintf("%s.Seek(%d, %s)", f, o.n, [...]string{"io.SeekStart", "io.SeekCurrent", "io.SeekEnd"}[o.whence]))
	case opTruncate:
		return fmt.Sprintf("err = %s.Truncate(%d)", f, o.n)
	}
	return fmt.Sprintf("err = %s.%v()", f, o.verb)
}

func countCode(call string) string {
	return fmt.Sprintf("got, err = func() (any, error) {\n\t\tn, err := %s\n\t\treturn fmt.Sprint(n), err\n\t}()", call)
}

func describeCode() string {
	return "\t\tswitch {\n\t\tcase err != nil:\n\t\t\treturn nil, err\n\t\tcase fi.IsDir():\n\t\t\treturn \"directory\", nil\n\t\t}\n" +
		"\t\treturn fmt.Sprintf(\"%d bytes\", fi.Size()), nil\n\t}()"
}

func flagCode(flag int) string {
	code := "os.O_RDONLY"
	switch {
	case flag&os.O_RDWR != 0:
		code = "os.O_RDWR"
	case flag&os.O_WRONLY != 0:
		code = "os.O_WRONLY"
	}
	for _, f := range []struct {
		bit  int
		name string
	}{{os.O_CREATE, "os.O_CREATE"}, {os.O_APPEND, "os.O_APPEND"}, {os.O_TRUNC, "os.O_TRUNC"}, {os.O_EXCL, "os.O_EXCL"}} {
		if flag&f.bit != 0 {
			code += "|" + f.name
		}
	}
	return code
}
