package cmd

import (
	"net/http"
	"testing"

	"github.com/davdisk/davdisk/backend/memory"
	"github.com/davdisk/davdisk/internal/cluster/replica"
	"github.com/davdisk/davdisk/webdav/server"
)

// A browser that has signed in at one gateway may be sent to any, until it signs
// out at one or its password changes. A gateway that is cut off does not let it in.
func TestSignInAtGateways(t *testing.T) {
	all := startGateways(t, memory.New(memory.Options{}), 2, 0)
	a, b := all[0], all[1]
	let := func(g *testGateway, password string) {
		t.Helper()
		user := server.User{Name: "anna", Verify: server.PlainPassword(password), Secret: password}
		if err := g.stack.setServer([]server.Option{server.WithUsers(user)}); err != nil {
			t.Fatal(err)
		}
	}
	let(a, "secret")
	let(b, "secret")
	signIn := func(g *testGateway) string {
		t.Helper()
		res := g.wants("POST", "/.davdisk/sign-in", "name=anna&password=secret", http.StatusSeeOther, "Content-Type: application/x-www-form-urlencoded")
		if len(res.Cookies()) != 1 {
			t.Fatalf("the cookies are %v", res.Cookies())
		}
		return "Cookie: " + res.Cookies()[0].Name + "=" + res.Cookies()[0].Value
	}
	first, second := signIn(a), signIn(b)
	a.wants("PUT", "/f", "x", 201, second)
	b.wants("GET", "/f", "", 200, first)
	b.wants("POST", "/.davdisk/sign-out", "", http.StatusSeeOther, first)
	for _, g := range all {
		g.wants("GET", "/f", "", 401, first)
		g.wants("GET", "/f", "", 200, second)
	}

	let(b, "secret") // as when the users are read again
	b.wants("GET", "/f", "", 200, second)
	let(b, "changed")
	b.wants("GET", "/f", "", 401, second)
	a.wants("GET", "/f", "", 200, second)

	a.connection.Cut(true)
	a.clock.Advance(replica.DefaultLease)
	a.wants("GET", "/f", "", 503, second)
	a.wants("GET", "/f", "", 200, "Authorization: Basic YW5uYTpzZWNyZXQ=")
	a.wants("POST", "/.davdisk/sign-in", "name=anna&password=secret", 503, "Content-Type: application/x-www-form-urlencoded")
}
