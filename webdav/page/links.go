package page

type pathJSON struct {
	Path string `json:"path"`
}

type entriesJSON struct {
	Entries []entryJSON `json:"entries"`
}

// links lists the user's items that have a public link.
func (p *Page) links(c *call) error {
	answer := entriesJSON{[]entryJSON{}}
	for item, err := range p.store.Links.Shared(c.Context()) {
		if err != nil {
			return err
		}
		if name, ok := c.visible(item.Name); ok {
			answer.Entries = append(answer.Entries, itemJSON(item, name))
		}
	}
	return c.reply(answer)
}

// makeLink creates the public link of an item.
func (p *Page) makeLink(c *call) error {
	name, err := c.target()
	if err != nil {
		return err
	}
	address, err := p.store.Links.Share(c.Context(), name)
	if err != nil {
		return err
	}
	return c.reply(struct {
		Link string `json:"link"`
	}{address})
}

// removeLink removes the public link of an item.
func (p *Page) removeLink(c *call) error {
	name, err := c.target()
	if err != nil {
		return err
	}
	if err := p.store.Links.Unshare(c.Context(), name); err != nil {
		return err
	}
	return c.reply(struct{}{})
}

// target returns the name in the store of the item that the body names.
func (c *call) target() (string, error) {
	var body pathJSON
	if err := c.decode(&body); err != nil {
		return "", err
	}
	name, err := c.existing(body.Path)
	return c.stored(name), err
}
