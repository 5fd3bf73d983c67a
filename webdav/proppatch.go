package webdav

import (
	"encoding/xml"
	"errors"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/davdisk/davdisk/internal/cluster"
	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// proppatch serves PROPPATCH (RFC 4918 section 9.2) atomically. It works on
// folders as well, which Windows Explorer needs.
func (h *Handler) proppatch(w http.ResponseWriter, r *request) error {
	update, err := davxml.ReadPropertyUpdate(r.xmlBody())
	if err != nil {
		if _, missing := r.mustLook(r.name); missing != nil {
			return missing
		}
		return badXML(err)
	}
	info, verdicts, err := r.update(update)
	if err != nil {
		return err
	}
	if info.IsDir() {
		r.setContentLocation(w)
	}
	w.Header().Set("Content-Type", davxml.ContentType)
	w.WriteHeader(http.StatusMultiStatus)
	out := davxml.NewMultistatus(w, nil)
	err = out.Write(davxml.Response{Href: r.href(r.name, info.IsDir()), Propstats: verdicts.answer(update)})
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		h.clientGone(r, err)
	}
	return nil
}

// update changes properties while the name is reserved. The verdicts
// have the status of each.
func (r *request) update(update davxml.PropertyUpdate) (fs.FileInfo, verdicts, error) {
	if err := r.reserve(lock.Name{Path: r.name}); err != nil {
		return nil, nil, err
	}
	defer r.reserved.Release()
	if err := r.readIf(); err != nil {
		return nil, nil, err
	}
	info, err := r.mustLook(r.name)
	if err != nil {
		return nil, nil, err
	}
	if err := r.confirm(lock.Change{Path: r.name, Content: true}); err != nil {
		return nil, nil, err
	}
	if _, err := r.conditions(info); err != nil {
		return nil, nil, err
	}
	changed := subject{name: r.name, info: info}
	plan, verdicts := r.plan(update, changed)
	if !verdicts.failed() {
		err = r.carryOut(plan, changed, verdicts)
	}
	if err == nil {
		err = r.finish(lock.Changed{Path: r.name})
	}
	return info, verdicts, err
}

// A propertyPlan is the changes of a PROPPATCH.
type propertyPlan struct {
	set    map[string]string
	remove []string
	mtime  time.Time // zero: unchanged
}

// plan returns the changes of a PROPPATCH, and for each property whether it can
// be changed. Changes to the same property are applied in the order of the
// request.
func (r *request) plan(update davxml.PropertyUpdate, s subject) (propertyPlan, verdicts) {
	plan := propertyPlan{set: map[string]string{}}
	removed := map[string]bool{}
	found := verdicts{}
	for _, change := range update {
		status := http.StatusOK
		live, isLive := r.handler.live[change.Name]
		key := davxml.Key(change.Name)
		switch {
		case isLive && (change.Remove || live.setTime == nil):
			status = http.StatusForbidden
		case isLive:
			t, err := live.setTime(change.Text)
			if err != nil || isPlaceholder(s.info) { // which has no content yet
				status = http.StatusConflict
			}
			plan.mtime = t
		case change.Remove:
			delete(plan.set, key)
			removed[key] = true
		default:
			plan.set[key] = change.XML
			delete(removed, key)
		}
		if before := found[change.Name]; before == 0 || before == http.StatusOK {
			found[change.Name] = status
		}
	}
	plan.remove = slices.Collect(maps.Keys(removed))
	return plan, found
}

// carryOut applies a plan. If the properties cannot be stored, the time is
// restored.
func (r *request) carryOut(plan propertyPlan, s subject, v verdicts) error {
	isLive := func(name xml.Name) bool { _, ok := r.handler.live[name]; return ok }
	before := s.info.ModTime() // some file systems update the info that they returned
	if !plan.mtime.IsZero() {
		if err := r.files.setTime(s.name, plan.mtime); err != nil {
			return v.fail(withStatus(err, fs.ErrInvalid, http.StatusConflict, "a time that cannot be kept"), isLive)
		}
	}
	if len(plan.set) == 0 && len(plan.remove) == 0 {
		return nil
	}
	err := r.setDeadProperties(s, plan.set, plan.remove)
	if err == nil {
		return nil
	}
	if !plan.mtime.IsZero() && !errors.Is(err, cluster.ErrExpelled) { // then the file may be another's by now
		if back := r.files.setTime(s.name, before); back != nil {
			r.handler.opts.log.Warn("the modification time could not be put back", "path", s.name, "error", back)
		}
	}
	return v.fail(err, func(name xml.Name) bool { return !isLive(name) })
}

// verdicts hold the status of each property of a PROPPATCH.
type verdicts map[xml.Name]int

func (v verdicts) failed() bool {
	for _, status := range v {
		if status != http.StatusOK {
			return true
		}
	}
	return false
}

// fail records that some of the properties could not be stored. A temporary
// fault of the store is returned instead: it is the status of the whole
// request, which clients then retry.
func (v verdicts) fail(err error, about func(xml.Name) bool) error {
	code, _ := statusOf(err)
	if code >= 500 && code != http.StatusInsufficientStorage {
		return err
	}
	for name := range v {
		if about(name) {
			v[name] = code
		}
	}
	return nil
}

// answer groups the properties by status, each once. If one cannot be
// changed, none is: the others get 424.
func (v verdicts) answer(update davxml.PropertyUpdate) propstats {
	var answer propstats
	done := map[xml.Name]bool{}
	failed := v.failed()
	for _, change := range update {
		if done[change.Name] {
			continue
		}
		done[change.Name] = true
		status := v[change.Name]
		if failed && status == http.StatusOK {
			status = http.StatusFailedDependency
		}
		answer.add(status, change.Name)
	}
	for i := range answer {
		if answer[i].Status == http.StatusForbidden {
			answer[i].Error = &davxml.Precondition{Name: davxml.CannotModifyProtectedProperty}
		}
	}
	return answer
}
