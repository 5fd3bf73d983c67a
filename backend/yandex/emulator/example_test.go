package emulator_test

import (
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/davdisk/davdisk/backend/yandex/emulator"
)

func Example() {
	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer disk.Close()
	if err := disk.WriteFile("/Documents/plan.txt", []byte("ship it")); err != nil {
		log.Fatal(err)
	}

	req, err := http.NewRequest("GET", disk.URL+"/v1/disk/resources?path=disk:/Documents&fields=_embedded.items.path", nil)
	if err != nil {
		log.Fatal(err)
	}
	req.Header.Set("Authorization", "OAuth "+disk.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(body))
	fmt.Println(disk.Counters().API(), "request to the API")
	// Output:
	// {"_embedded":{"items":[{"path":"disk:/Documents/plan.txt"}]}}
	// 1 request to the API
}

// The third request to make a folder finds the service busy.
func ExampleEmulator_Inject() {
	disk, err := emulator.Start(emulator.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer disk.Close()
	disk.Inject(emulator.Fault{Endpoint: emulator.MakeFolder, Nth: 3, Status: 429})
	for _, name := range []string{"a", "b", "c", "c"} {
		req, err := http.NewRequest("PUT", disk.URL+"/v1/disk/resources?path=disk:/"+name, nil)
		if err != nil {
			log.Fatal(err)
		}
		req.Header.Set("Authorization", "OAuth "+disk.Token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			log.Fatal(err)
		}
		resp.Body.Close()
		fmt.Println(name, resp.StatusCode)
	}
	// Output:
	// a 201
	// b 201
	// c 429
	// c 201
}
