package templates_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/quiesce-io/quiesce/hooks/v1alpha1"
)

// images are names of images as pods have them, and the applications that are in them; none where there is none of ours.
var images = map[string]string{
	"postgres":      "PostgreSQL",
	"postgres:17.2": "PostgreSQL",
	"postgres@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef": "PostgreSQL",
	"docker.io/library/postgres:17-alpine":                                             "PostgreSQL",
	"registry.example.com:5000/mirror/postgres:16":                                     "PostgreSQL",
	"docker.io/bitnami/postgresql:17.2.0-debian-12-r0":                                 "PostgreSQL",
	"docker.io/bitnamilegacy/postgresql-repmgr:16":                                     "PostgreSQL",
	"ghcr.io/cloudnative-pg/postgresql:17.2":                                           "PostgreSQL",
	"postgis/postgis:17-3.5":                                                           "PostgreSQL",
	"timescale/timescaledb-ha:pg16":                                                    "PostgreSQL",
	"ghcr.io/zalando/spilo-17:4.0-p2":                                                  "PostgreSQL",
	"registry.developers.crunchydata.com/crunchydata/crunchy-postgres:ubi9-17.2-2":     "PostgreSQL",
	"prometheuscommunity/postgres-exporter:v0.16.0":                                    "",
	"bitnami/postgres-exporter:0.16.0":                                                 "",
	"ghcr.io/zalando/postgres-operator:v1.14.0":                                        "",
	"example.com/postgres/backup:1":                                                    "",
	"example.com/not-postgres:1":                                                       "",

	"mariadb:11.4":                                      "MariaDB",
	"docker.io/bitnami/mariadb:11.4":                    "MariaDB",
	"bitnami/mariadb-galera:11.4":                       "MariaDB",
	"docker-registry1.mariadb.com/library/mariadb:11.8": "MariaDB",
	"ghcr.io/mariadb-operator/mariadb-operator:0.36":    "",
	"prom/mysqld-exporter:v0.16.0":                      "",

	"mysql:8.4":              "MySQL",
	"mysql/mysql-server:8.0": "MySQL",
	"container-registry.oracle.com/mysql/community-server:8.4":  "MySQL",
	"container-registry.oracle.com/mysql/enterprise-server:9.1": "MySQL",
	"bitnami/mysql:8.4":          "MySQL",
	"percona/percona-server:8.4": "MySQL",
	"percona:8.0":                "MySQL",
	"container-registry.oracle.com/mysql/community-router:8.4": "",

	"mongo:8.0":                                     "MongoDB",
	"bitnami/mongodb:8.0":                           "MongoDB",
	"bitnami/mongodb-sharded:8.0":                   "MongoDB",
	"mongodb/mongodb-community-server:8.0-ubi9":     "MongoDB",
	"quay.io/mongodb/mongodb-enterprise-server:8.0": "MongoDB",
	"percona/percona-server-mongodb:7.0":            "MongoDB",
	"mongo-express:1.0":                             "",
	"percona/mongodb_exporter:0.43":                 "",

	"redis:7.4-alpine":                  "Redis",
	"docker.io/bitnami/redis:7.4.1":     "Redis",
	"bitnami/redis-cluster:7.4":         "Redis",
	"redis/redis-stack-server:7.4.0-v1": "Redis",
	"bitnami/redis-sentinel:7.4":        "",
	"oliver006/redis_exporter:v1.66.0":  "",
	"valkey/valkey:8.1":                 "Valkey",
	"bitnami/valkey-cluster:8.1":        "Valkey",
	"bitnami/valkey-sentinel:8.1":       "",

	"quay.io/coreos/etcd:v3.5.17":         "etcd",
	"gcr.io/etcd-development/etcd:v3.6.0": "etcd",
	"registry.k8s.io/etcd:3.5.16-0":       "etcd",
	"bitnami/etcd:3.6":                    "etcd",
	"quay.io/coreos/etcd-operator:v0.9.4": "",

	"cassandra:5.0":                       "Cassandra",
	"bitnami/cassandra:5.0":               "Cassandra",
	"k8ssandra/cass-management-api:4.1.7": "Cassandra",
	"k8ssandra/cass-operator:v1.23.0":     "",
	"bitnami/cassandra-exporter:2.3.8":    "",

	"elasticsearch:8.17.0":                                       "Elasticsearch",
	"docker.elastic.co/elasticsearch/elasticsearch:9.0.0":        "Elasticsearch",
	"docker.elastic.co/elasticsearch/elasticsearch-wolfi:8.17.0": "Elasticsearch",
	"bitnami/elasticsearch:8.17":                                 "Elasticsearch",
	"prometheuscommunity/elasticsearch-exporter:v1.8.0":          "",
	"docker.elastic.co/kibana/kibana:8.17.0":                     "",
	"opensearchproject/opensearch:2.18.0":                        "OpenSearch",
	"bitnami/opensearch:2":                                       "OpenSearch",
	"opensearchproject/opensearch-dashboards:2.18.0":             "",

	"rabbitmq:4.0-management":                  "RabbitMQ",
	"bitnami/rabbitmq:4.0":                     "RabbitMQ",
	"rabbitmqoperator/cluster-operator:2.11.0": "",
	"apache/kafka:4.0.0":                       "Kafka",
	"bitnami/kafka:3.9":                        "Kafka",
	"confluentinc/cp-kafka:7.8.0":              "Kafka",
	"quay.io/strimzi/kafka:0.45.0-kafka-3.9.0": "Kafka",
	"apache/kafka-native:4.0.0":                "",
	"confluentinc/cp-kafka-connect:7.8.0":      "",

	"cockroachdb/cockroach:v24.3.1":                   "CockroachDB",
	"cockroachdb/cockroach-operator:v2.17.0":          "",
	"mcr.microsoft.com/mssql/server:2022-latest":      "SQL Server",
	"mcr.microsoft.com/mssql/rhel/server:2022-latest": "SQL Server",
	"mcr.microsoft.com/mssql-tools:latest":            "",
	"neo4j:5.26-enterprise":                           "Neo4j",
	"bitnami/neo4j:5":                                 "Neo4j",
	"influxdb:2.7":                                    "InfluxDB",
	"influxdb:1.11-alpine":                            "InfluxDB",
	"quay.io/influxdb/influxdb:v2.0.3":                "InfluxDB",
	"bitnami/influxdb:2":                              "InfluxDB",
	"quay.io/influxdb/telegraf-operator:v1.3":         "",

	"jenkins/jenkins:2.479.2-lts-jdk17":        "Jenkins",
	"bitnami/jenkins:2.479":                    "Jenkins",
	"jenkins/inbound-agent:latest":             "",
	"jenkins/ssh-agent:6":                      "",
	"wordpress:6.7-php8.3-apache":              "WordPress",
	"bitnami/wordpress-nginx:6.7":              "WordPress",
	"wordpress:cli-2.11":                       "",
	"minio/minio:RELEASE.2024-11-07T00-52-20Z": "MinIO",
	"quay.io/minio/minio:latest":               "MinIO",
	"docker.io/bitnami/minio:2024.11.7":        "MinIO",
	"minio/mc:latest":                          "",
	"minio/operator:v6.0.4":                    "",
	"bitnami/minio-client:2024.11.5":           "",
}

// suggests tells whether a template's selector takes an image, by the rule of policies.
func suggests(t *testing.T, selector v1alpha1.PolicySelector, image string) bool {
	t.Helper()
	matches := func(pattern v1alpha1.ImagePattern) bool {
		compiled, err := regexp.Compile(string(pattern))
		require.NoError(t, err)
		return compiled.MatchString(image)
	}
	return slices.ContainsFunc(selector.ContainerImages, matches) && !slices.ContainsFunc(selector.ExcludedContainerImages, matches)
}

func TestTemplatesSuggestTheImagesOfTheirApplication(t *testing.T) {
	taken := map[string]bool{}
	for name, spec := range library(t) {
		if name == "fsfreeze" { // the sidecar is the user's own
			assert.Empty(t, spec.Selector)
			continue
		}
		for image, application := range images {
			if assert.Equal(t, application == spec.Application, suggests(t, spec.Selector, image), "%s: %s", name, image) && application != "" {
				taken[application] = taken[application] || application == spec.Application
			}
		}
		assert.True(t, taken[spec.Application], "%s: write some of its images down", name)
	}
}
