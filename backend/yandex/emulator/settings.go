package emulator

import (
	"encoding/json"
	"net/http"
)

// publicSettings decodes the settings in the body of a publication.
func (c *call) publicSettings() (map[string]json.RawMessage, *failure) {
	members, fail := c.jsonBody()
	if fail != nil {
		return nil, fail
	}
	raw, ok := members["public_settings"]
	if !ok {
		return nil, nil
	}
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(raw, &settings); err != nil {
		return nil, errFieldInvalid("public_settings", "This field must be an object.", "Значение должно быть объектом.")
	}
	return settings, nil
}

// apply changes the given settings; null removes one.
func (s *share) apply(settings map[string]json.RawMessage) *failure {
	changed := *s
	for name, field := range map[string]any{"password": &changed.password, "available_until": &changed.until, "read_only": &changed.readOnly} {
		raw, given := settings[name]
		if !given {
			continue
		}
		switch field := field.(type) {
		case *string:
			*field = ""
		case *int64:
			*field = 0
		case *bool:
			*field = false
		}
		if err := json.Unmarshal(raw, field); err != nil {
			return errFieldInvalid(name, "Wrong type.", "Неверный тип значения.")
		}
	}
	*s = changed
	return nil
}

// toSettings returns the share of a path, for accounts that have settings.
func (e *Emulator) toSettings(c *call) (*share, *failure) {
	n, _, fail := e.toShare(c)
	if fail != nil {
		return nil, fail
	}
	if n.shared == nil || c.knobs.NoPublicSettings {
		return nil, errNotFound.ptr()
	}
	return n.shared, nil
}

func (e *Emulator) setPublicSettings(c *call) (reply, *failure) {
	s, fail := e.toSettings(c)
	if fail != nil {
		return reply{}, fail
	}
	settings, fail := c.jsonBody()
	if fail != nil {
		return reply{}, fail
	}
	if fail := s.apply(settings); fail != nil {
		return reply{}, fail
	}
	return reply{status: http.StatusOK}, nil
}

// getPublicSettings returns the settings that are set, without the password.
func (e *Emulator) getPublicSettings(c *call) (reply, *failure) {
	s, fail := e.toSettings(c)
	if fail != nil {
		return reply{}, fail
	}
	out := object{}
	if s.readOnly {
		out = append(out, member{"read_only", true})
	}
	if s.until > 0 {
		out = append(out, member{"available_until", s.until})
	}
	return reply{status: http.StatusOK, body: out}, nil
}

func (e *Emulator) availableSettings(c *call) (reply, *failure) {
	if _, fail := e.toSettings(c); fail != nil {
		return reply{}, fail
	}
	return reply{status: http.StatusOK, body: object{{"password", true}, {"available_until", true}, {"read_only", true}}}, nil
}
