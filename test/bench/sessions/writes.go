package main

import (
	"bufio"
	"bytes"
	"context"
	"strconv"
	"strings"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// statusWrites is how often statuses of HookRuns were written since the API server started, as it counts itself.
func (b *bench) statusWrites(ctx context.Context) (int, error) {
	config := rest.CopyConfig(b.Config)
	config.APIPath, config.NegotiatedSerializer = "/", scheme.Codecs.WithoutConversion()
	raw, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		return 0, err
	}
	metrics, err := raw.Get().AbsPath("/metrics").DoRaw(ctx)
	if err != nil {
		return 0, err
	}
	writes := 0
	lines := bufio.NewScanner(bytes.NewReader(metrics))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if !strings.HasPrefix(line, "apiserver_request_total{") || !strings.Contains(line, `resource="hookruns"`) ||
			!strings.Contains(line, `subresource="status"`) || !strings.Contains(line, `code="200"`) {
			continue
		}
		count, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			return 0, err
		}
		writes += int(count)
	}
	return writes, lines.Err()
}
