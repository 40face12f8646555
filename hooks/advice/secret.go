package advice

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// mysqlClients take a password right behind -p, and ask for one when nothing is there.
var mysqlClients = []string{
	"mysql", "mysqladmin", "mysqldump", "mysqlcheck", "mysqlsh", "mariadb", "mariadb-admin", "mariadb-dump", "mariadb-check",
	"mariabackup", "xtrabackup",
}

// passwordOptions are options, by program, whose next word is a password.
var passwordOptions = map[string][]string{
	"redis-cli": {"-a", "--pass"}, "valkey-cli": {"-a", "--pass"}, "sshpass": {"-p"}, "sqlcmd": {"-P"},
	"mongo": {"-p", "--password"}, "mongosh": {"-p", "--password"}, "mongodump": {"-p", "--password"},
	"cqlsh": {"-p", "--password"}, "nodetool": {"-pw", "--password"}, "clickhouse-client": {"--password"},
	"rabbitmqadmin": {"-p", "--password"}, "influx": {"-t", "--token"}, "cypher-shell": {"-p", "--password"},
}

// accountOptions are options, by program, whose next word is a name and a password with a colon between them.
var accountOptions = map[string][]string{
	"curl": {"-u", "--user"}, "etcdctl": {"--user"},
}

var (
	secretOption = regexp.MustCompile(`(?i)^--?([a-z0-9]+[-_])*(password|passwd|pass|pwd|pw|secret|token|api-?key|secret-?key)=(.*)$`)
	secretName   = regexp.MustCompile(`^([A-Z0-9_]*(PASSWORD|PASSWD|PASS|PWD|SECRET|TOKEN|API_?KEY|SECRET_ACCESS_KEY)|REDISCLI_AUTH)=(.*)$`)
	inURL        = regexp.MustCompile(`[a-z][a-z0-9+.-]*://[^\s/:@]*:([^\s/@]+)@`)
	inHeader     = regexp.MustCompile(`(?i)\bauthorization:\s*(?:bearer|basic|apikey)\s+([^\s"']+)`)
	inSQL        = regexp.MustCompile(`(?i)\b(?:identified\s+by|password)\s+'([^']+)'`)
	// token has the forms of tokens and keys that are known by them.
	token = regexp.MustCompile(`\b(ghp|gho|ghs)_[A-Za-z0-9]{30}|\bglpat-[A-Za-z0-9_-]{20}|\bxox[abps]-[A-Za-z0-9-]{10}|\bhvs\.[A-Za-z0-9]{20}|` +
		`\bsk_live_[A-Za-z0-9]{10}|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----`)
)

// holdsASecret finds secrets among the arguments. It does not repeat them.
func holdsASecret(p policy) (warnings []string) {
	for _, hook := range slices.Concat(p.all, p.holds) {
		if tellsASecret(hook) {
			warnings = append(warnings, warn(hook, "its command seems to hold a password or token, for all to see who may read the "+
				"policy, the pod or its processes: have sh -c take it from a variable or file of the container"))
		}
	}
	for _, hook := range p.inits {
		if tellsASecret(hook) {
			warnings = append(warnings, warn(hook, "an init container's command or env seems to hold a password or token, for all to see who may "+
				"read the policy or the pod: take it from a Secret, by env.valueFrom.secretKeyRef"))
		}
	}
	return warnings
}

func tellsASecret(hook hookCommand) bool {
	for _, expression := range []*regexp.Regexp{inURL, inHeader, inSQL} {
		for _, match := range expression.FindAllStringSubmatch(hook.text, -1) {
			if literal(match[1]) {
				return true
			}
		}
	}
	return token.MatchString(hook.text) || slices.ContainsFunc(hook.commands, wordsTellASecret)
}

func wordsTellASecret(words []string) bool {
	for i, word := range words {
		for _, expression := range []*regexp.Regexp{secretOption, secretName} {
			if match := expression.FindStringSubmatch(word); len(match) > 0 && literal(match[len(match)-1]) {
				return true
			}
		}
		name, rest := path.Base(word), words[i+1:]
		if slices.Contains(mysqlClients, name) && slices.ContainsFunc(rest, func(argument string) bool {
			password, given := strings.CutPrefix(argument, "-p")
			return given && literal(password)
		}) {
			return true
		}
		if hasSecretAfter(rest, passwordOptions[name], literal) || hasSecretAfter(rest, accountOptions[name], func(account string) bool {
			_, password, given := strings.Cut(account, ":")
			return given && literal(password)
		}) {
			return true
		}
	}
	return false
}

// hasSecretAfter tells whether a secret is the next word after one of the options.
func hasSecretAfter(words, options []string, secret func(string) bool) bool {
	for i := 0; i+1 < len(words); i++ {
		if slices.Contains(options, words[i]) && !strings.HasPrefix(words[i+1], "-") && secret(words[i+1]) {
			return true
		}
	}
	return false
}

// literal tells whether a value stands for itself: it is neither a variable or a placeholder, nor the path of a file.
func literal(value string) bool {
	value = strings.TrimLeft(value, `"'\`)
	return value != "" && !strings.ContainsAny(value[:1], "$`<{%*/@") &&
		!strings.HasPrefix(value, "file:") && !strings.HasPrefix(value, "env:")
}

// asksForAPassword finds clients that would ask for a password, with nobody there to answer.
func asksForAPassword(p policy) (warnings []string) {
	for _, hook := range slices.Concat(p.all, p.holds) {
		for _, words := range hook.commands {
			arguments, found := program(words, mysqlClients...)
			if found && (slices.Contains(arguments, "-p") || slices.Contains(arguments, "--password")) {
				warnings = append(warnings, warn(hook, "a lone -p asks for a password, and nobody is there to answer: "+
					"have sh -c take it from the container's environment, as -p\"$MYSQL_ROOT_PASSWORD\" right behind -p"))
				break
			}
		}
	}
	return warnings
}
