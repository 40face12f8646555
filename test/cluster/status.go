package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// status prints a table of the parts, then the end of the log of each dead one. A dead part is an error.
func status(out io.Writer, l layout) error {
	chosen, err := l.readChoices()
	if errors.Is(err, errNoCluster) {
		_, err := fmt.Fprintln(out, errNoCluster)
		return err
	}
	if err != nil {
		return err
	}
	c := &cluster{layout: l, choices: chosen}
	addresses := map[string]string{}
	for _, p := range c.parts() {
		addresses[p.name] = p.address
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "NAME\tSTATE\tPID\tADDRESS\tLOG")
	var deaths []string
	for _, name := range partNames {
		state, id := l.state(name)
		pid, log := "-", l.log(name)
		if state == running {
			pid = strconv.Itoa(id.PID)
		}
		if state == notStarted {
			log = "-"
		}
		if state == dead {
			deaths = append(deaths, name)
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", name, state, pid, orDash(addresses[name]), log)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, name := range deaths {
		_, _ = fmt.Fprintf(out, "\nend of the log of %s:\n%s\n", name, tailOfFile(l.log(name), 20))
	}
	if len(deaths) > 0 {
		return fmt.Errorf("dead: %s; `up` starts what has died", strings.Join(deaths, ", "))
	}
	return nil
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
