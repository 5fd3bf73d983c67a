package emulator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"reflect"
	"time"
)

// Control returns the handler of the control interface for tests in other
// languages, to be served at an address of its own: JSON over HTTP to reset and
// seed the disk, script faults, set knobs, read counters, dump the disk with
// hashes and approve devices. Fields of knobs and faults have their Go names;
// durations are written like "1.5s".
func (e *Emulator) Control() http.Handler {
	mux := http.NewServeMux()
	for _, c := range e.controls() {
		mux.HandleFunc(c.pattern, func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<20))
			var out any
			if err == nil {
				out, err = c.run(r, body)
			}
			if raw, ok := out.([]byte); ok && err == nil {
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Write(raw)
				return
			}
			status := http.StatusOK
			if err != nil {
				status, out = http.StatusBadRequest, map[string]string{"error": err.Error()}
				if errors.Is(err, fs.ErrNotExist) {
					status = http.StatusNotFound
				}
			}
			w.Header().Set("Content-Type", "application/json; charset=utf-8")
			w.WriteHeader(status)
			encoder := json.NewEncoder(w)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", "  ")
			if err := encoder.Encode(out); err != nil {
				e.log.Debug("control", "error", err)
			}
		})
	}
	return mux
}

// A control is one request of the control port.
type control struct {
	pattern string
	about   string
	run     func(r *http.Request, body []byte) (any, error)
}

// A Seed is one thing that POST /seed puts on the disk.
type Seed struct {
	Path       string            `json:"path"`
	Dir        bool              `json:"dir,omitempty"`
	Text       string            `json:"text,omitempty"` // the content
	Data       []byte            `json:"data,omitempty"` // the content in base64, where text cannot hold it
	Size       int64             `json:"size,omitempty"` // of a computed pattern, in place of text and data
	Pattern    uint64            `json:"pattern,omitempty"`
	Properties map[string]string `json:"custom_properties,omitempty"`
}

func (e *Emulator) controls() []control {
	done := map[string]string{"status": "ok"}
	return []control{
		{"GET /{$}", "this list", func(*http.Request, []byte) (any, error) {
			list := make(map[string]string)
			for _, c := range e.controls() {
				list[c.pattern] = c.about
			}
			return list, nil
		}},
		{"POST /reset", "empty disk, trash, operations, links and grants; clear faults and counters", func(*http.Request, []byte) (any, error) {
			e.Reset()
			e.ClearFaults()
			e.ResetCounters()
			return done, nil
		}},
		{"POST /seed", `put things on the disk: [{"path","dir","text","data","size","pattern","custom_properties"}, ...]`, func(_ *http.Request, body []byte) (any, error) {
			var seeds []Seed
			if err := json.Unmarshal(body, &seeds); err != nil {
				return nil, err
			}
			for _, seed := range seeds {
				if err := e.plant(seed); err != nil {
					return nil, err
				}
			}
			return done, nil
		}},
		{"GET /dump", "everything on the disk and in the trash, with hashes", func(*http.Request, []byte) (any, error) { return e.Dump(), nil }},
		{"GET /content", "the bytes of the file ?path=", func(r *http.Request, _ []byte) (any, error) {
			data, err := e.ReadFile(r.URL.Query().Get("path"))
			return data, err
		}},
		{"GET /counters", "requests by endpoint, and sums", func(*http.Request, []byte) (any, error) {
			c := e.Counters()
			return map[string]any{"by": c.By, "api": c.API(), "transfers": c.Transfers(), "hops": c.Hops, "faults": c.Faults,
				"token_leaks": c.TokenLeak, "bytes_up": c.BytesUp, "bytes_down": c.BytesDown}, nil
		}},
		{"DELETE /counters", "set all counters to zero", func(*http.Request, []byte) (any, error) {
			e.ResetCounters()
			return done, nil
		}},
		{"POST /faults", "script faults: [{...}, ...]", func(_ *http.Request, body []byte) (any, error) {
			var raw []json.RawMessage
			if err := json.Unmarshal(body, &raw); err != nil {
				return nil, err
			}
			faults, err := readFaults(raw)
			if err != nil {
				return nil, err
			}
			e.Inject(faults...)
			return done, nil
		}},
		{"POST /faults/random", `faults at a rate: {"Rate","Seed","Kinds":[{...}, ...]}`, func(_ *http.Request, body []byte) (any, error) {
			var wish struct {
				Rate  float64
				Seed  uint64
				Kinds []json.RawMessage
			}
			if err := setFields(&wish, body); err != nil {
				return nil, err
			}
			kinds, err := readFaults(wish.Kinds)
			if err != nil {
				return nil, err
			}
			e.InjectRandom(RandomFaults{Rate: wish.Rate, Seed: wish.Seed, Kinds: kinds})
			return done, nil
		}},
		{"DELETE /faults", "end scripted and random faults", func(*http.Request, []byte) (any, error) {
			e.ClearFaults()
			return done, nil
		}},
		{"GET /knobs", "the knobs in force", func(*http.Request, []byte) (any, error) { return showFields(e.Knobs()), nil }},
		{"PATCH /knobs", "change knobs: {...}", func(_ *http.Request, body []byte) (any, error) {
			var err error
			e.SetKnobs(func(k *Knobs) {
				changed := *k
				if err = setFields(&changed, body); err == nil {
					*k = changed
				}
			})
			return done, err
		}},
		{"POST /latency", `what is added before every answer: {"Latency"}`, func(_ *http.Request, body []byte) (any, error) {
			var wish struct{ Latency time.Duration }
			if err := setFields(&wish, body); err != nil {
				return nil, err
			}
			e.SetLatency(wish.Latency)
			return done, nil
		}},
		{"POST /fakes", `make an address of the web known: {"URL","Text"}`, func(_ *http.Request, body []byte) (any, error) {
			var fake struct{ URL, Text string }
			if err := setFields(&fake, body); err != nil {
				return nil, err
			}
			return done, e.AddFake(fake.URL, []byte(fake.Text))
		}},
		{"POST /devices/approve", `agree to a device: {"UserCode"}`, e.decideDevice(e.ApproveDevice)},
		{"POST /devices/deny", `refuse a device: {"UserCode"}`, e.decideDevice(e.DenyDevice)},
		{"POST /tokens", `accept an access token: {"Token","Scopes"}`, func(_ *http.Request, body []byte) (any, error) {
			var wish struct {
				Token  string
				Scopes []string
			}
			if err := setFields(&wish, body); err != nil {
				return nil, err
			}
			e.AddToken(wish.Token, wish.Scopes...)
			return done, nil
		}},
		{"DELETE /tokens/{token}", "refuse an access token from now on", func(r *http.Request, _ []byte) (any, error) {
			e.RevokeToken(r.PathValue("token"))
			return done, nil
		}},
		{"GET /ca.pem", "the certificate of the emulator's authority", func(*http.Request, []byte) (any, error) { return e.CACert() }},
	}
}

func (e *Emulator) decideDevice(decide func(string) bool) func(*http.Request, []byte) (any, error) {
	return func(_ *http.Request, body []byte) (any, error) {
		var wish struct{ UserCode string }
		if err := setFields(&wish, body); err != nil {
			return nil, err
		}
		if !decide(wish.UserCode) {
			return nil, fmt.Errorf("user code %q: %w", wish.UserCode, fs.ErrNotExist)
		}
		return map[string]string{"status": "ok"}, nil
	}
}

func readFaults(raw []json.RawMessage) ([]Fault, error) {
	faults := make([]Fault, len(raw))
	for i := range raw {
		if err := setFields(&faults[i], raw[i]); err != nil {
			return nil, err
		}
	}
	return faults, nil
}

func (e *Emulator) plant(seed Seed) error {
	var err error
	switch {
	case seed.Dir:
		err = e.Mkdir(seed.Path)
	case seed.Size > 0:
		err = e.WritePattern(seed.Path, seed.Size, seed.Pattern)
	case seed.Data != nil:
		err = e.WriteFile(seed.Path, seed.Data)
	default:
		err = e.WriteFile(seed.Path, []byte(seed.Text))
	}
	if err == nil && seed.Properties != nil {
		err = e.SetProperties(seed.Path, seed.Properties)
	}
	return err
}

var durationType = reflect.TypeFor[time.Duration]()

// setFields sets the fields of the struct at target that the JSON object names
// by their Go names. An unknown name is an error.
func setFields(target any, data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	v := reflect.ValueOf(target).Elem()
	for name, raw := range members {
		field := v.FieldByName(name)
		if !field.IsValid() || !field.CanSet() {
			return fmt.Errorf("no field %q", name)
		}
		if field.Type() == durationType {
			var text string
			if err := json.Unmarshal(raw, &text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			d, err := time.ParseDuration(text)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			field.SetInt(int64(d))
			continue
		}
		if err := json.Unmarshal(raw, field.Addr().Interface()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// showFields is the inverse of setFields.
func showFields(of any) map[string]any {
	v := reflect.ValueOf(of)
	out := make(map[string]any)
	for i := range v.NumField() {
		value := v.Field(i).Interface()
		if d, ok := value.(time.Duration); ok {
			value = d.String()
		}
		out[v.Type().Field(i).Name] = value
	}
	return out
}
