// Package emulator is the Yandex Disk service in miniature: the REST API, the
// OAuth server, the uploader, the downloader and the storage host behind it,
// as real HTTP servers that need no account and no network.
//
// It answers as the service was recorded to answer: the same status codes,
// members, error codes and texts, the same asynchronous operations, links that
// expire and trash that fills. Where the service is undocumented or was seen to
// behave in two ways, a field of [Knobs] chooses. Faults are scripted with
// [Emulator.Inject] or drawn at random from a seed, and every request is
// counted, so that a client can be tested for what it does and for what it
// costs.
//
//	srv, err := emulator.Start(emulator.Options{})
//	if err != nil {
//		return err
//	}
//	defer srv.Close()
//	srv.WriteFile("/Documents/plan.txt", []byte("ship it"))
//	req, _ := http.NewRequest("GET", srv.URL+"/v1/disk/resources?path=disk:/Documents", nil)
//	req.Header.Set("Authorization", "OAuth "+srv.Token)
//
// The package imports only the standard library and shares no type with any
// client, so that a mistake in a client cannot be repeated here. All exported
// methods may be called from many goroutines at the same time.
package emulator
