package record

// Cut is the beginning of a text, with a sign that more was there, in at most so many bytes: statuses have bounds.
func Cut(text string, most int) string {
	if len(text) <= most {
		return text
	}
	most -= len("…")
	for most > 0 && text[most]&0xC0 == 0x80 { // not within a character
		most--
	}
	return text[:most] + "…"
}
