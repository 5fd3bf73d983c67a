package webdav

import (
	"net/http"
	"time"

	"github.com/davdisk/davdisk/webdav/internal/davxml"
	"github.com/davdisk/davdisk/webdav/internal/lock"
)

// proppatch serves PROPPATCH (RFC 4918 section 9.2): all of it or nothing. It
// works on folders as well, which Windows Explorer needs.
func (h *Handler) proppatch(w http.ResponseWriter, r *request) error {
	info, err := r.mustLook(r.name)
	if err != nil {
		return err
	}
	update, err := davxml.ReadPropertyUpdate(r.xmlBody())
	if err != nil {
		return badXML(err)
	}
	if err := r.confirm(lock.Change{Path: r.name, Content: true}); err != nil {
		return err
	}
	if _, err := r.conditions(info); err != nil {
		return err
	}
	plan, answer := r.plan(update)
	if plan != nil {
		if err := r.carryOut(*plan, subject{name: r.name, info: info}); err != nil {
			return err
		}
	}
	if info.IsDir() {
		r.tellFolder(w)
	}
	w.Header().Set("Content-Type", davxml.ContentType)
	w.WriteHeader(http.StatusMultiStatus)
	out := davxml.NewMultistatus(w)
	err = out.Write(davxml.Response{Href: r.href(r.name, info.IsDir()), Propstats: answer})
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		h.abort(r, err)
	}
	return nil
}

// A propertyPlan is what a PROPPATCH comes down to.
type propertyPlan struct {
	set    map[string]string
	remove []string
	mtime  time.Time // zero: as it is
}

// plan works out what a PROPPATCH does and what it answers. If one of the
// changes cannot be, the plan is nil and the others get 424. Changes to the
// same property are done in the order of the request.
func (r *request) plan(update davxml.PropertyUpdate) (*propertyPlan, fates) {
	plan := &propertyPlan{set: map[string]string{}}
	removed := map[string]bool{}
	statuses := make([]int, len(update))
	failed := false
	for i, change := range update {
		statuses[i] = http.StatusOK
		live, isLive := r.handler.live[change.Name]
		key := davxml.Key(change.Name)
		switch {
		case isLive && (change.Remove || live.setTime == nil):
			statuses[i] = http.StatusForbidden
		case isLive:
			t, err := live.setTime(change.Text)
			if err != nil {
				statuses[i] = http.StatusConflict
			}
			plan.mtime = t
		case change.Remove:
			delete(plan.set, key)
			removed[key] = true
		default:
			plan.set[key] = change.XML
			delete(removed, key)
		}
		failed = failed || statuses[i] != http.StatusOK
	}
	var answer fates
	for i, change := range update {
		if failed && statuses[i] == http.StatusOK {
			statuses[i] = http.StatusFailedDependency
		}
		answer.add(statuses[i], davxml.Empty(change.Name))
	}
	for i := range answer {
		if answer[i].Status == http.StatusForbidden {
			answer[i].Error = &davxml.Precondition{Name: davxml.CannotModifyProtectedProperty}
		}
	}
	if failed {
		return nil, answer
	}
	for key := range removed {
		plan.remove = append(plan.remove, key)
	}
	return plan, answer
}

// carryOut does what was planned. If the properties cannot be stored, the time
// is put back.
func (r *request) carryOut(plan propertyPlan, s subject) error {
	if !plan.mtime.IsZero() {
		if isPlaceholder(s.info) {
			return refuse(http.StatusConflict, "the file has no content yet")
		}
		if err := r.files.setTime(s.name, plan.mtime); err != nil {
			return err
		}
	}
	if len(plan.set) == 0 && len(plan.remove) == 0 {
		return nil
	}
	err := r.setDeadProperties(s, plan.set, plan.remove)
	if err != nil && !plan.mtime.IsZero() {
		if back := r.files.setTime(s.name, s.info.ModTime()); back != nil {
			r.handler.opts.log.Warn("the modification time could not be put back", "path", s.name, "error", back)
		}
	}
	return err
}
