package emulator_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

// document is the page whose tables are made by these tests. Run them with
// -update to write them anew.
const document = "../../../docs/emulator.md"

var update = flag.Bool("update", false, "write the tables of docs/emulator.md anew")

// reference is every endpoint that the service is known to have, as its public
// documentation and its well-known clients name them.
var reference = []struct {
	endpoint emulator.Endpoint
	what     string
	missing  string // why the emulator does not serve it
}{
	{emulator.DiskInfo, "quota, limits, account", ""},
	{emulator.GetResource, "metadata, listing", ""},
	{emulator.MakeFolder, "make a folder", ""},
	{emulator.PatchResource, "custom properties", ""},
	{emulator.DeleteResource, "delete, to the trash or for good", ""},
	{emulator.CopyResource, "copy", ""},
	{emulator.MoveResource, "move, rename", ""},
	{emulator.UploadLink, "link to upload to", ""},
	{emulator.UploadFromURL, "upload from an address", ""},
	{emulator.InstantUpload, "upload by hashes (knob `InstantUpload`)", ""},
	{emulator.DownloadLink, "link to download from", ""},
	{emulator.ListFiles, "flat list of files", ""},
	{emulator.LastUploaded, "files by date of upload", ""},
	{emulator.ListPublished, "own publications", ""},
	{emulator.Publish, "publish", ""},
	{emulator.Unpublish, "unpublish", ""},
	{emulator.GetPublic, "metadata and listing of a public resource", ""},
	{emulator.PublicDownload, "link to download a public resource from", ""},
	{emulator.SaveToDisk, "save a public resource", ""},
	{emulator.GetPublicSettings, "settings of a publication", ""},
	{emulator.SetPublicSettings, "password and expiry of a publication", ""},
	{emulator.AvailableSettings, "which settings there are", ""},
	{emulator.GetTrash, "metadata and listing of the trash", ""},
	{emulator.DeleteTrash, "delete from the trash, empty it", ""},
	{emulator.RestoreTrash, "restore from the trash", ""},
	{emulator.GetOperation, "how an operation stands", ""},
	{emulator.ListOperations, "operations in progress", ""},
	{emulator.APIVersion, "version", ""},
	{"GET /v1/disk/virtual-disks/discovery", "shared disks of an organisation", "needs an organisation's account"},
	{"GET /v1/disk/virtual-disks/resources", "", "as above"},
	{"PUT /v1/disk/virtual-disks/resources", "", "as above"},
	{"POST /v1/disk/virtual-disks/resources/copy", "", "as above"},
	{"POST /v1/disk/virtual-disks/resources/move", "", "as above"},
	{"GET /v1/disk/virtual-disks/resources/upload", "", "as above"},
	{"GET /v1/disk/virtual-disks/resources/download", "", "as above"},
	{emulator.UploadContent, "content, whole or a range", ""},
	{emulator.ResumeUpload, "how much of an upload is there", ""},
	{emulator.Download, "redirect to storage; folders as archives", ""},
	{emulator.Storage, "content and ranges of it", ""},
	{emulator.Preview, "pictures", ""},
	{emulator.DeviceCode, "begin a login without a browser", ""},
	{emulator.DevicePage, "page where a person enters the code", ""},
	{emulator.DeviceEntry, "the same, sent", ""},
	{emulator.Authorize, "page where a person agrees", ""},
	{emulator.CodePage, "page that shows the code", ""},
	{emulator.Token, "codes and refresh tokens to tokens", ""},
	{emulator.RevokeToken, "log out", ""},
	{emulator.UserInfo, "account", ""},
}

func TestEveryEndpointOfTheReferenceAnswers(t *testing.T) {
	s := start(t, emulator.Options{Knobs: emulator.Knobs{InstantUpload: true}})
	for _, known := range reference {
		method, path, _ := strings.Cut(string(known.endpoint), " ")
		address := s.URL + path
		switch {
		case !strings.HasPrefix(path, "/"):
			continue // a host that links lead to, see the tests of transfers
		case !strings.HasPrefix(path, "/v1/disk") && path != "/":
			address = s.OAuthURL + path
		}
		got := send(t, s, method, strings.Replace(address, "{id}", "0", 1), nil)
		served := got.status != 405 && got.str("error") != "NotFoundError" && !strings.Contains(string(got.body), "nginx")
		if served != (known.missing == "") {
			t.Errorf("%s: served %v, but the table says %q", known.endpoint, served, known.missing)
		}
		if served && s.Counters().By[known.endpoint] == 0 {
			t.Errorf("%s is not counted", known.endpoint)
		}
	}
}

func TestDocumentedEndpoints(t *testing.T) {
	counts := make(map[emulator.Endpoint]int)
	total := 0
	if flows := loadRecordings(t); flows != nil {
		counts = replayAll(t, flows)
	} else {
		t.Logf("no recorded exchanges in %s: the counts of %s are believed", recordings, document)
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| (\\d+) \\|$").FindAllStringSubmatch(page(t), -1) {
			n, err := strconv.Atoi(row[2])
			if err != nil {
				t.Fatal(err)
			}
			counts[emulator.Endpoint(row[1])] = n
		}
	}
	var table strings.Builder
	served := 0
	for _, known := range reference {
		how := "yes"
		if known.missing != "" {
			how = "no: " + known.missing
		} else {
			served++
		}
		n := counts[known.endpoint]
		total += n
		delete(counts, known.endpoint)
		fmt.Fprintf(&table, "| `%s` | %s | %s | %d |\n", known.endpoint, known.what, how, n)
	}
	if len(counts) > 0 {
		t.Errorf("recorded endpoints that the table leaves out: %v", counts)
	}
	head := fmt.Sprintf("The emulator serves %d of the %d endpoints of the service, and all %d recorded exchanges replay on it.\n\n", served, len(reference), total) +
		"| endpoint | what | served | exchanges replayed |\n| --- | --- | --- | --- |\n"
	section(t, "endpoints", head+table.String())
}

func TestDocumentedKnobs(t *testing.T) {
	var table strings.Builder
	table.WriteString("| knob | type | what it does; the zero value is the default |\n| --- | --- | --- |\n")
	tests := testSources(t)
	for _, field := range knobFields(t) {
		for _, name := range field.Names {
			text := strings.Join(strings.Fields(field.Doc.Text()), " ")
			text = strings.NewReplacer("[Emulator.ApproveDevice]", "`ApproveDevice`", "|", "\\|").Replace(text)
			fmt.Fprintf(&table, "| `%s` | %s | %s |\n", name.Name, typeName(name.Name), strings.TrimPrefix(text, name.Name+" "))
			if !strings.Contains(text, name.Name) {
				t.Errorf("the comment of %s does not name it", name.Name)
			}
			if !regexp.MustCompile(`\b` + name.Name + `(:| =|, k\.| *[,=].*=)`).MatchString(tests) {
				t.Errorf("no test turns the knob %s", name.Name)
			}
		}
	}
	section(t, "knobs", table.String())
}

func TestDocumentedControl(t *testing.T) {
	s := start(t, emulator.Options{})
	control := controlServer(t, s)
	list := send(t, s, "GET", control+"/", nil).want(t, 200).json
	var rows []string
	for request, about := range list {
		rows = append(rows, fmt.Sprintf("| `%s` | %s |\n", strings.TrimSuffix(request, "{$}"), about))
	}
	slices.Sort(rows)
	section(t, "control", "| request | what it does |\n| --- | --- |\n"+strings.Join(rows, ""))
}

// knobFields are the fields of Knobs in the order of the source, with comments.
func knobFields(t *testing.T) []*ast.Field {
	file, err := parser.ParseFile(token.NewFileSet(), "knobs.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var fields []*ast.Field
	ast.Inspect(file, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok && spec.Name.Name == "Knobs" {
			var doc *ast.CommentGroup
			for _, field := range spec.Type.(*ast.StructType).Fields.List {
				if field.Doc == nil {
					field.Doc = doc
				}
				doc = field.Doc
				fields = append(fields, field)
			}
		}
		return true
	})
	if len(fields) == 0 {
		t.Fatal("no knobs in knobs.go")
	}
	return fields
}

func typeName(knob string) string {
	field, _ := reflect.TypeFor[emulator.Knobs]().FieldByName(knob)
	return strings.TrimPrefix(field.Type.String(), "time.")
}

func testSources(t *testing.T) string {
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		if strings.HasSuffix(file.Name(), "_test.go") {
			data, err := os.ReadFile(file.Name())
			if err != nil {
				t.Fatal(err)
			}
			all.Write(data)
		}
	}
	return all.String()
}

func page(t *testing.T) string {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// section compares a generated part of the document with what it should be.
func section(t *testing.T, name, want string) {
	t.Helper()
	text := page(t)
	begin, end := "<!-- "+name+": made by the tests -->\n", "<!-- end of "+name+" -->"
	from, to := strings.Index(text, begin), strings.Index(text, end)
	if from < 0 || to < from {
		t.Fatalf("%s has no part %s", document, name)
	}
	from += len(begin)
	if text[from:to] == want {
		return
	}
	if !*update {
		t.Fatalf("the part %s of %s is stale: run go test ./backend/yandex/emulator -run Documented -update\n%s", name, document, want)
	}
	if err := os.WriteFile(document, []byte(text[:from]+want+text[to:]), 0o644); err != nil {
		t.Fatal(err)
	}
}
