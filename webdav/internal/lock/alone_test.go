package lock

import "context"

// These are changes as a request makes them that changes nothing else.

func (t *Table) RemoveTree(name string) error {
	return t.alone(name, func(r *Reservation) error { r.RemoveTree(name); return nil })
}

func (t *Table) Realize(name string) error {
	return t.alone(name, func(r *Reservation) error { r.Made(name); return nil })
}

func (t *Table) Move(principal, from, to string) error {
	return t.alone(from, func(r *Reservation) error { return r.Move(principal, from, to) })
}

func (t *Table) Copy(principal, from, to string, tree bool) error {
	return t.alone(from, func(r *Reservation) error { return r.Copy(principal, from, to, tree) })
}

func (t *Table) alone(name string, record func(*Reservation) error) error {
	r, err := t.Reserve(context.Background(), Name{Path: name})
	if err != nil {
		return err
	}
	defer r.Release()
	if err := record(r); err != nil {
		return err
	}
	return r.Done(context.Background())
}
