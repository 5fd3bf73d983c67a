package emulator

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Many clients at once, with knobs turned and faults drawn under way, leave the
// disk intact. It is most useful under the race detector.
func TestManyClientsAtOnce(t *testing.T) {
	e := New(Options{Token: "t", Seed: 1})
	server := httptest.NewServer(e)
	defer func() {
		server.Close()
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	e.InjectRandom(RandomFaults{Rate: 0.05})
	routes := apiRoutes()
	var clients sync.WaitGroup
	for id := range 8 {
		clients.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(id)))
			name := func() string { return fmt.Sprintf("/%c/%c", 'a'+rng.IntN(3), 'a'+rng.IntN(3))[:2+2*rng.IntN(2)] }
			for range 250 {
				method, path, _ := bytes.Cut([]byte(routes[rng.IntN(len(routes))].endpoint), []byte(" "))
				query := url.Values{"path": {name()}, "from": {name()}, "overwrite": {"true"}, "url": {"http://192.0.2.1/"}}
				if string(method) == "DELETE" && rng.IntN(4) > 0 {
					continue
				}
				if body := e.request(server.URL, string(method), string(path)+"?"+query.Encode(), nil); string(path) == "/v1/disk/resources/upload" && string(method) == "GET" {
					if at := bytes.Index(body, []byte("/upload-target/")); at >= 0 {
						target := string(body[at : at+bytes.IndexByte(body[at:], '"')])
						e.request(server.URL, "PUT", target, bytes.NewReader(make([]byte, rng.IntN(100))))
					}
				}
				switch rng.IntN(20) {
				case 0:
					e.SetKnobs(func(k *Knobs) {
						*k = Knobs{OperationPolls: rng.IntN(2), OperationGradual: rng.IntN(2) == 0, OverwriteMerges: rng.IntN(2) == 0, Upload202: rng.IntN(2) == 0}
					})
				case 1:
					e.Dump()
				case 2:
					e.Counters()
				}
			}
		})
	}
	clients.Wait()
	e.checkSums(t)
}

// request sends a request and ignores its failure.
func (e *Emulator) request(server, method, target string, body io.Reader) []byte {
	r, err := http.NewRequest(method, server+target, body)
	if err != nil {
		return nil
	}
	r.Header.Set("Authorization", "OAuth t")
	client := &http.Client{Timeout: 10 * time.Second}
	resp, err := client.Do(r)
	if err != nil {
		return nil
	}
	defer resp.Body.Close()
	data, _ := io.ReadAll(resp.Body)
	return data
}
