package propstore

// These are changes that are not proposed together with others.

func (s *Store) Move(from, to string) error { return s.propose(s.Moving(from, to)) }

func (s *Store) Copy(from, to string, tree bool) error { return s.propose(s.Copying(from, to, tree)) }
