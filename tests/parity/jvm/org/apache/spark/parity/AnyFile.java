package org.apache.spark.parity;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/** A remote file system of which every file exists, and none can be read: a submission must not need to. */
public final class AnyFile extends FileSystem {
  private URI uri;

  @Override
  public void initialize(URI given, Configuration configuration) throws IOException {
    super.initialize(given, configuration);
    setConf(configuration);
    uri = URI.create(given.getScheme() + "://" + (given.getAuthority() == null ? "/" : given.getAuthority()));
  }

  @Override
  public URI getUri() {
    return uri;
  }

  @Override
  public FileStatus getFileStatus(Path path) {
    return new FileStatus(1, false, 1, 1, 0, path.makeQualified(uri, getWorkingDirectory()));
  }

  @Override
  public FileStatus[] listStatus(Path path) {
    return new FileStatus[0];
  }

  @Override
  public FSDataInputStream open(Path path, int buffer) throws IOException {
    throw new FileNotFoundException(path.toString());
  }

  @Override
  public FSDataOutputStream create(Path path, FsPermission permission, boolean overwrite, int buffer, short replication, long block,
      Progressable progress) throws IOException {
    throw new IOException("create " + path);
  }

  @Override
  public FSDataOutputStream append(Path path, int buffer, Progressable progress) throws IOException {
    throw new IOException("append " + path);
  }

  @Override
  public boolean rename(Path from, Path to) {
    return false;
  }

  @Override
  public boolean delete(Path path, boolean recursive) {
    return false;
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) {
    return false;
  }

  @Override
  public void setWorkingDirectory(Path path) {}

  @Override
  public Path getWorkingDirectory() {
    return new Path(uri.getPath().isEmpty() ? uri + "/" : uri.toString());
  }
}
