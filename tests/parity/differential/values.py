"""Values by type: usual ones, and odd ones that Spark's readers, YAML, Java or Kubernetes treat each in its own way."""

TEXT = (
    ["v", "abc", "x-1", "a b", "with.dots_and-1", "true", "1"],
    ["", " ", "é", "日本語", "😀", "a\nb", "a\tb", " lead", "trail ", '"q"', "'s'", "a'b", "x: y", "# c", "a #b", "- i", "{}", "[1]", "null", "~", "yes",
     "1.0", "1e3", "0x1F", "0o7", "2001-01-01", "a=b", "=", "a\\b", "\\", "\\n", "\\u0041", "$HOME", "${HOME}", "${spark.q}", "${spark.none}",
     "${env:HOME}", "${env:NONE}", "${spark.driver.memory}", "{{APP_ID}}", "{{EXECUTOR_ID}}", "{{SPARK_VERSION}}", "%20", "&", "*", "!x", "|", ">", "@a",
     "`", "%x", "?", "a:", ":", "\u2028", "\u00a0", "\ufeff", "\x7f", "\x85", "\x01", "a\r\nb", "-1", "+1", ".5", "1_000", "12:30:45", "NaN", ".inf",
     "on", "=x", "<<", "\u200b", "x" * 300, "İ", "ß", "$(X)", "$$(X)", "a,b", ",", "a, b ,c", "#", "!"])

# Of a port that isn't, most are refused before anything is compared.
PORTS = [*["7000 ", "7001", "07002", "1024"] * 4, "0", "-1", "65536", "", " 7000 ", "+7000", "7e3", "٧٠٠٠", "0x10", "1", "abc", "7000.0", "${spark.q}"]

TYPES = {
    "text": TEXT,
    "word": (["a", "my-sa", "x-1", "foo", "default", "spark", "a.b"], TEXT[1]),
    "label": (["a", "A.b_c-1", "", "x" * 63, "1", "true", "v1.2", "0x1", "1e3"], TEXT[1]),
    "memory": (
        ["1g", "512m", "1024", "2048k", "4g", "1536m", "2gb", "1048576kb", "4000mb", "1t", "3841m", "2G", "3T", "513M", "10000", "7g", "333m"],
        ["1.5g", "", " 1g ", "1GiB", "1gi", "1gib", "0", "-1g", "1 g", "1g;", "٣g", "9223372036854775807", "1e3m", "+1g", "1p", "1pb", "8192p",
         "9999999t", "1b", "1048575b", "1048576b", "0x10g", "\t1g", "1gB", "1mB", "1kib", "1mi", "1TiB", "1pib", "00512m", "1,024m", "g", "512M\n",
         "１g", "2147483648", "2147483647m", "2147483648m", "512 m", "1bb", "K", "1024 k"]),
    "factor": (
        ["0.1", "0.4", "1", "1.5", "0", "0.10", "0.123456789", "1e-1", "2.0", "0.333", "0.7", "1E-2"],
        ["NaN", "Infinity", "-Infinity", "0.1f", "0.1D", "  0.2 ", "0x1p-3", ".5", "5.", "1e400", "1_0", "", "-0.1", "-0", "1e-400", "+0.1", "0,1",
         "1e", "0x1.8p1", "1.", "1L", "inf", "nan", "1e-3f", "٠.٥", "-1", "1e3", "1e9", "1e19"]),
    "boolean": (["true", "false", "TRUE", " true ", "False", "tRuE", "\ttrue", "false "],
                ["yes", "1", "", "t", "tru e", "true,false", "no", "null", "ｔｒｕｅ"]),
    "integer": (["1", "2", "3", "8", "16"],
                ["+1", " 1 ", "1.0", "2147483648", "", "٣", "1e1", "0x1", "-1", "0", "1 ", "01", "1L", "a", "2147483647", "-0", "1_0"]),
    "driver port": (["7078", "17078", "30000"], PORTS), "block manager port": (["7079", "17079", "30001"], PORTS),
    "UI port": (["4040", "14040", "30002"], PORTS), "gRPC port": (["15002", "30003", "65535"], PORTS),
    "bytes": (["1048576", "1572864", "2000000", "600000", "300"], ["0", "-1", "", " 1 ", "1k", "1048577", "9223372036854775808", "+600", "٦٠٠", "2147483648"]),
    "duration": (["10s", "10", "1m", "5ms", "1d", "2h", "5min"],
                 ["", " 5s", "5 s", "1day", "-1s", "5x", "1.5s", "5S", "5h", "5us", "1m "]),
    "quantity": (
        ["1", "500m", "0.5", "2", "1e0", "1500000u", "01", "1.50", "0.1", "100m"],
        ["", " 1", "1 ", "1.5.5", "a", "1kk", "-1", "+1", "1K", "1e", "1E", "1e3m", "٣", "1Mi ", "0x1", "1_0", "1e1000", "--1", ".", "1 m", "1e-3", "1e+3",
         "1.m", "5.", ".5", "00.50", "1n", "9223372036854775808", "0", "0.0001"]),
    "limit": (["16", "200", "1k", "1e3", "20000m", "1E2", "0.2k", "16.0"], ["", "a", "-1", "1.5.5", "1Mi ", "0x1", "0", "20 ", "1e99999999999"]),
    "size": (
        ["1Gi", "1G", "500Mi", "1024", "10Ki", "1e9", "1.5Gi", "2048", "1Ti", "1E3", "1000k"],
        ["lots", "", "1023", "0", "-1", "500", "1.5.5", " 1Gi", "1gi", "${spark.q}", "1023 ", "01023", "+500", "1e2", "1000m", "0x3ff", "٣", "1024."]),
    "path": (["/a", "/b", "/c/d", "/data", "/mnt/x", "/tmp", "/tmp/spark", "/opt/x"],
             ["rel", "/a/", "//a", "/a b", "/a/../b", "/é", "/a:b", "/", "/a,b", "/opt/spark/conf", "/opt/spark", "/a//b", "./a", "", " ", "${spark.q}"]),
    "directories": (["/a", "/a,/b", "/data/1,/data/2,/data/3", "/tmp/spark"],
                    ["", ",", "/a,,/b", " /a , /b", "/a,/a", "rel", "/a/,/a", "${spark.q}", "/é", "/a b", "/a,/b,", "/x/{{APP_ID}}"]),
    "java options": (
        ["-Dx=y", "-XX:+UseG1GC -Da=b", '-Dq="a b"', "-Xms1g", "-Da='x y' -Db=c", "-verbose:gc", "-Da=b\\ c", "--add-opens=java.base/x=y"],
        ["", " ", '-Da="', "-Da=-Xmx", "-Xmx1g", "'-Xmx1g'", "-X'mx'1g", '-Da="x -Xmx1g"', "-Dspark.x=1", "'-Dspark.x=1'", "-Da=-Dspark.b", "-Xmx", "-Da=\\'",
         "-Da=\\", "-Da=$(X)", "-Da={{APP_ID}}-{{EXECUTOR_ID}}", "-Da=é", "\t-Da=b\u00a0-Dc=d", "-Dx=XmxY", "--Xmx1g", "-Da='\\''"]),
    "image": (["r/i:t", "img@sha256:abc", "img:{{SPARK_VERSION}}", "x/{{SPARK_VERSION}}-{{SPARK_VERSION}}"], ["", " ", "a b", "${spark.q}"]),
    "images": (["a", "a,b", "x-1, y-2"], ["", ",", " a ,, b ", "A", "a,a", "é", "${spark.q}"]),
    "pull policy": (["Always", "Never", "IfNotPresent"], ["always", "", " Always", "IfNotPresent ", "x"]),
    "namespace": (["ns", "team-a", "n1"], ["", "A", "a.b", "${spark.q}", " ns", "x" * 64, "é"]),
    "prefix": (["pre", "my-pre", "a.b"], ["A", "", "x" * 60, "x" * 48, "1a", "a_b", "é", "-a", "${spark.q}", "a..b", "x" * 238]),
    "master": (["https://h:6443", "http://h", "k8s://https://h"], ["", "h", " https://h", "${spark.q}", "local"]),
    "families": (["IPv4", "IPv6"], ["", "ipv4", "IPv4, IPv6", "IPv4,IPv4", " IPv4", "IPv5", ",", "IPv4,"]),
    "family policy": (["SingleStack", "PreferDualStack", "RequireDualStack"], ["", "singlestack", " SingleStack", "x"]),
    "allocator": (["direct"], ["statefulset", "deployment", "Direct", "", "x.Y"]),
    "python": (["3"], ["2", "", " 3", "3.9"]),
    "secret key": (["n:k", "my-secret:tls.key", "a:b"], ["n", "n:", ":k", "n:k:x", " n : k ", "", ":", "n:k/x", "N:k", "n:é"]),
    "name": (["n", "my-app", "My App", "a_b", "spark-pi", "app1", "x" * 30],
             ["", " ", "-", "1", "1abc", "é", "日本", "😀app", "x" * 64, "x" * 200, "a" * 45, "a" * 46, "a" * 47, "a.b.c", "a/b", "-a", "a-", "--a--b--", "A__B",
              "a\nb", "a\tb", ".", "a b  c", "İstanbul", "ß", "9" * 70, "a" * 62 + "-b", "{{APP_ID}}", "${spark.q}", "~!@#$", "app\u00a0x", "ﬀ", "ⅷ",
              "\u0130", "${spark.driver.memory}", "-1-a", "1-a", "a😀" * 25]),
    "uri": (
        ["s3a://b/k/a.jar", "s3a://b/k/b.jar", "https://h/x.jar", "http://h:80/x.jar", "local:///opt/a.jar", "local:/opt/b.jar", "hdfs://nn/x.jar",
         "gs://b/x.jar", "https://h/x.jar?q=1&r=2", "local:///opt/dir/", "ftp://h/x.jar", "https://h/a.zip#alias", "s3a://b/a.zip#alias", "local:///opt/a.zip#x",
         "local:///opt/a.py", "s3a://b/lib.egg", "abfss://c@acc.dfs.core.windows.net/p/a.jar"],
        ["", " ", "s3a://b//k//a.jar", "s3a://b/k%20a.jar", "s3a://b/k a.jar", "https://h/é.jar", "s3a://b/é.jar", "local:///a b.jar", "local:///é.jar",
         "local://host/a.jar", "local:a.jar", "local:", "LOCAL:///a.jar", "S3A://B/K.jar", "s3a://b", "s3a://b/", "https://h", "https://h/x#a#b", "https://h/x#",
         "https://h/?a=[b]", "https://[::1]/x", "s3a://b/../x.jar", "s3a://b/a/../x.jar", "https://h/../x", "gs://my_bucket/x.jar", "s3a://b/x;y.jar",
         "s3a://b/x%2Fy.jar", "s3a://b/x+y.jar", "s3a://b/x@y:z.jar", "s3a:///x.jar", "s3a:/x.jar", "s3a:x.jar", "https:/x", "http:x", "https://", "https://h/%zz",
         "local:///%zz", "https://u:p@h/x.jar", "\ts3a://b/x.jar", "s3a://b/x.jar ", "s3a://b/x.jar#a b", "https://h/x\\y", "local:///x\\y", "https://h/x|y",
         'https://h/"x"', "s3a://b/*.jar", "https://h/*.jar", "local:///*.jar", "https://h/{a}", "local:///a?b=c#d"]),
    "resource": (["local:///opt/app", "s3a://b/app", "https://h/app", "local:///opt/my-app_1.0"], []),
    "argument": (["x", "--conf", "spark.a=b", "-v", "a b", "1", "true", "--class"],
                 [*TEXT[1], "a\rb", "\r", "x" * 1000, "\x0b", "\x1b", "\ue000", "\U0010ffff"]),
}
TYPES["uris"] = TYPES["uri"]

LABEL_KEYS = (["a", "b", "app.kubernetes.io/name", "x.y/z", "A_b.c", "team", "spark-x", "1", "a.b"],
              ["a b", "-a", "a/", "/a", "a/b/c", "é", "x" * 64, "A=", ".a", "spark-role", "spark-app-selector"])
ENVIRONMENT_NAMES = (["A", "B_C", "x.y", "PATH", "SPARK_LOCAL_DIRS", "SPARK_USER", "a-b"], ["", "1A", "A B", "é", "SPARK_CONF_DIR", "SPARK_APPLICATION_ID"])
SECRETS = (["s", "my-secret", "a", "spark-conf"], ["A", "a.b", "x" * 64, "é"])
VOLUMES = (["v", "data", "spark-local-dir-1", "spark-local-dir-x", "a-b", "v2", "checkpointpvc"], ["A", "a_b", "é", "x" * 64, "1"])

PROPERTY_LINES = [
    "spark.p1 v", "spark.p2=v", "spark.p3:v", "spark.p4 = v ", "  spark.p5   v  w ", "spark.p6\\ x=1", "spark.p7=a\\nb", "spark.p8=a\\\n   b",
    "spark.p9=\\u00e9", "#c", "!c", "", "   ", "\\", "spark.p11", "spark.p12=", "=v", ":v", "spark.p13=é", "spark.p14\\=x=1", "spark.p15=a\\",
    "spark.p16==x", "spark.p17=:x", "spark.p18\tx", "spark.p19=x\ty", "spark.p20=\\t\\r\\f", "spark.p21=\\ x", "spark.p22= x\\ ", "notspark.k=v",
    "spark.kubernetes.driver.label.pf=x", "spark.driver.memory=3g", "spark.kubernetes.driverEnv.PF=a b", "spark.p23=\\\\", "spark.p24=\\q\\u0041",
    "spark.p25=😀", "spark.p26=\\ud83d\\ude00", "spark.p27 # x", "spark.p29=\\#x", "spark.p30\\:x=y", "spark.p31=a\rspark.p32=b", "spark.p33=x\f",
    "\fspark.p34=x", "spark.p35=\u00a0x\u00a0", "spark.p36=\\u0020x\\u0020", "spark.p37=\\u000a", "spark.p38=a\\\r\n  b", "spark.p39=a\\\n#b",
    "spark.p42\\\n=x", "spark.p43=\x01", "spark.p44=\u2028x", "spark.p45=\x85", "spark.app.name=from file", "spark.jars=local:///pf.jar",
    "spark.kubernetes.namespace=pfns"]

CONF_FILES = ["log4j2.properties", "metrics.properties", "x.xml", "a.template", "spark-x.conf", "b.zip", ".hidden", "hive-site.xml"]
FILE_TEXTS = ["", "abc", "a\nb\n", "\ufeffx", "x" * 5000, "a\r\nb", "é", "tail \n", "\ttab", "a: b\n- c", "#x", "\x85", "\u2028", "\x7f", "\x1b"]
# About what a ConfigMap may hold.
LONG_TEXTS = ["y" * 700_000, "z" * 1_040_000]

POD_GROUPS = ['{"spec":{"minMember":1,"queue":"q"}}', '{"spec":{"minMember":"2","queue":1}}', '{"spec":{"minResources":{"cpu":1.5}}}', "{}", "", "x", "[]",
              '{"metadata":{"labels":{"a":1}},"spec":{"priorityClassName":true}}', '{"spec":{"minMember":1.5}}', "spec:\n  minMember: 1", '{"spec":null}',
              '{"kind":"PodGroup","apiVersion":"scheduling.volcano.sh/v1beta1","metadata":{"name":"n"},"spec":{"minTaskMember":{"driver":"1"}}}']
