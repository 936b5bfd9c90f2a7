// A file system for tests, in FUSE: slow, hanging, lying short, out of space, or losing whatever was not synced.
//
// Usage: faultfs <backing directory> <mount point> [volatile | names]
//
// Files are those of the backing directory. What goes wrong with one is in its name, faults separated by commas:
//
//   <operation>-<what>[-<argument>]     operation: read, write, fsync, open, flush (which is close(2))
//
//   write-ENOSPC-65536   fails from byte 65536 on; a write across that byte is short. Any errno listed below
//   read-short-100       moves at most 100 bytes
//   fsync-delay-20       takes 20 ms longer
//   write-jitter-2       takes up to 2 ms longer, a different time for each
//   read-hang            comes back only when it is interrupted, or when a directory `release` is made
//   cached               goes through the page cache of the kernel, which nothing else does
//
// volatile: data is kept in this process and reaches the backing directory in fsync alone, so that killing this process
// is a power cut. The directory entries themselves are durable at once.
// names: the kernel keeps names and status for an hour, as it does for most servers, and asks again for opens alone.
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { VOLATILE_BYTES_MAX = 64 << 20, BLOCK = 512, FAULTS_MAX = 8, FILES_MAX = 4096 };
enum operation { READ, WRITE, FSYNC, OPEN, FLUSH };
enum kind { FAILS, SHORT, DELAY, JITTER, HANG };

struct fault { enum operation operation; enum kind kind; int error; long argument; };

struct file {
  int fd;
  int fault_count, cached;
  struct fault faults[FAULTS_MAX];
  // volatile only
  char name[256];
  pthread_mutex_t lock;
  char *data;
  unsigned char *dirty;
  off_t size;
};

static int backing;  // O_PATH
static int is_volatile, keeps_names, released;
static struct file *files[FILES_MAX];
static int file_count;
static pthread_mutex_t files_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct { const char *name; int error; } errors[] = {
    {"EIO", EIO}, {"ENOSPC", ENOSPC}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}, {"EACCES", EACCES}, {"ESTALE", ESTALE},
    {"EINTR", EINTR}, {"EAGAIN", EAGAIN}, {"EFBIG", EFBIG}, {"ETIMEDOUT", ETIMEDOUT}, {"ENOMEM", ENOMEM},
    {"EMFILE", EMFILE}, {"ENFILE", ENFILE},
};

static void parse_faults(struct file *f, const char *name) {
  static const char *operations[] = {"read-", "write-", "fsync-", "open-", "flush-"};
  static const char *kinds[] = {"", "short", "delay", "jitter", "hang"};
  char copy[256], *rest = copy, *one;
  snprintf(copy, sizeof copy, "%s", name);
  while ((one = strsep(&rest, ",")) && f->fault_count < FAULTS_MAX) {
    struct fault fault = {.kind = FAILS};
    int known = 0;
    if (strcmp(one, "cached") == 0) f->cached = 1;
    for (int i = 0; i < 5 && !known; i++) {
      size_t n = strlen(operations[i]);
      if (strncmp(one, operations[i], n) == 0) fault.operation = i, one += n, known = 1;
    }
    if (!known) continue;
    char *what = strsep(&one, "-");
    fault.argument = one ? atol(one) : 0;
    for (int i = SHORT; i <= HANG; i++) {
      if (strcmp(what, kinds[i]) == 0) fault.kind = i;
    }
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
      if (strcmp(what, errors[i].name) == 0) fault.error = errors[i].error;
    }
    if (fault.kind != FAILS || fault.error) f->faults[f->fault_count++] = fault;
  }
}

static void sleep_us(long us) {
  struct timespec t = {us / 1000000, us % 1000000 * 1000};
  nanosleep(&t, NULL);
}

// Bytes that the operation may move (at most `size`), or -errno, after the time it is to take.
static long suffer(struct file *f, enum operation operation, size_t size, off_t offset) {
  long allowed = (long)size;
  for (int i = 0; i < f->fault_count; i++) {
    const struct fault *fault = &f->faults[i];
    if (fault->operation != operation) continue;
    switch (fault->kind) {
      case FAILS:
        if (offset >= fault->argument) return -fault->error;
        if (offset + allowed > fault->argument) allowed = fault->argument - offset;
        break;
      case SHORT: if (allowed > fault->argument) allowed = fault->argument; break;
      case DELAY: sleep_us(fault->argument * 1000); break;
      case JITTER: sleep_us(random() % (fault->argument * 1000)); break;
      case HANG:
        while (!__atomic_load_n(&released, __ATOMIC_RELAXED)) {
          if (fuse_interrupted()) return -EINTR;
          sleep_us(2000);
        }
        break;
    }
  }
  return allowed;
}

static int sync_volatile(struct file *f) {
  int error = 0;
  pthread_mutex_lock(&f->lock);
  for (off_t block = 0; block * BLOCK < f->size && !error; block++) {
    if (!f->dirty[block]) continue;
    off_t at = block * BLOCK;
    size_t size = f->size - at < BLOCK ? (size_t)(f->size - at) : BLOCK;
    if (pwrite(f->fd, f->data + at, size, at) != (ssize_t)size) error = -EIO;
    else f->dirty[block] = 0;
  }
  if (ftruncate(f->fd, f->size) < 0) error = -errno;
  pthread_mutex_unlock(&f->lock);
  return error;
}

static const char *relative(const char *path) { return path[1] ? path + 1 : "."; }

// The one struct of a volatile file, made on first use; with `files_lock` held.
static struct file *find_volatile(const char *name) {
  for (int i = 0; i < file_count; i++) {
    if (strcmp(files[i]->name, name) == 0) return files[i];
  }
  return NULL;
}

static struct file *make_file(const char *name, int flags, mode_t mode) {
  int access = is_volatile ? O_RDWR : flags & O_ACCMODE;
  int fd = openat(backing, name, access | (flags & (O_CREAT | O_EXCL | O_TRUNC)), mode);
  if (fd < 0) return NULL;
  struct file *f = calloc(1, sizeof *f);
  f->fd = fd;
  snprintf(f->name, sizeof f->name, "%s", name);
  parse_faults(f, name);
  if (is_volatile) {
    struct stat st;
    fstat(fd, &st);
    pthread_mutex_init(&f->lock, NULL);
    f->data = calloc(1, VOLATILE_BYTES_MAX);
    f->dirty = calloc(1, VOLATILE_BYTES_MAX / BLOCK);
    f->size = st.st_size;
    if (pread(fd, f->data, st.st_size, 0) != st.st_size) abort();
  }
  return f;
}

static int open_file(const char *path, struct fuse_file_info *info, mode_t mode) {
  const char *name = relative(path);
  struct file *f = NULL;
  pthread_mutex_lock(&files_lock);
  if (is_volatile) f = find_volatile(name);
  if (!f) {
    f = make_file(name, info->flags, mode);
    if (f && is_volatile && file_count < FILES_MAX) files[file_count++] = f;
  }
  int error = -errno;
  pthread_mutex_unlock(&files_lock);
  if (!f) return error;
  long allowed = suffer(f, OPEN, 0, 0);
  if (allowed < 0) return (int)allowed;
  info->fh = (uintptr_t)f;
  info->direct_io = !f->cached;  // sizes as the program asked for them, and short means short
  return 0;
}

static int fs_open(const char *path, struct fuse_file_info *info) { return open_file(path, info, 0); }

static int fs_create(const char *path, mode_t mode, struct fuse_file_info *info) {
  info->flags |= O_CREAT;
  return open_file(path, info, mode);
}

static int fs_release(const char *path, struct fuse_file_info *info) {
  (void)path;
  struct file *f = (struct file *)(uintptr_t)info->fh;
  if (is_volatile) return 0;
  close(f->fd);
  free(f);
  return 0;
}

static int fs_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)path;
  struct file *f = (struct file *)(uintptr_t)info->fh;
  long allowed = suffer(f, READ, size, offset);
  if (allowed < 0) return (int)allowed;
  if (!is_volatile) {
    ssize_t n = pread(f->fd, buffer, allowed, offset);
    return n < 0 ? -errno : (int)n;
  }
  pthread_mutex_lock(&f->lock);
  long left = f->size > offset ? f->size - offset : 0;
  if (allowed > left) allowed = left;
  memcpy(buffer, f->data + offset, allowed);
  pthread_mutex_unlock(&f->lock);
  return (int)allowed;
}

static int fs_write(const char *path, const char *buffer, size_t size, off_t offset, struct fuse_file_info *info) {
  (void)path;
  struct file *f = (struct file *)(uintptr_t)info->fh;
  long allowed = suffer(f, WRITE, size, offset);
  if (allowed < 0) return (int)allowed;
  if (!is_volatile) {
    ssize_t n = pwrite(f->fd, buffer, allowed, offset);
    return n < 0 ? -errno : (int)n;
  }
  if (offset + allowed > VOLATILE_BYTES_MAX) return -EFBIG;
  pthread_mutex_lock(&f->lock);
  memcpy(f->data + offset, buffer, allowed);
  for (off_t block = offset / BLOCK; block * BLOCK < offset + allowed; block++) f->dirty[block] = 1;
  if (f->size < offset + allowed) f->size = offset + allowed;
  pthread_mutex_unlock(&f->lock);
  return (int)allowed;
}

static int fs_fsync(const char *path, int data_only, struct fuse_file_info *info) {
  (void)path;
  struct file *f = (struct file *)(uintptr_t)info->fh;
  long allowed = suffer(f, FSYNC, 0, 0);
  if (allowed < 0) return (int)allowed;
  if (is_volatile) return sync_volatile(f);
  return (data_only ? fdatasync(f->fd) : fsync(f->fd)) < 0 ? -errno : 0;
}

static int fs_flush(const char *path, struct fuse_file_info *info) {
  (void)path;
  long allowed = suffer((struct file *)(uintptr_t)info->fh, FLUSH, 0, 0);
  return allowed < 0 ? (int)allowed : 0;
}

static int fs_getattr(const char *path, struct stat *st, struct fuse_file_info *info) {
  (void)info;
  if (fstatat(backing, relative(path), st, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  if (!is_volatile) return 0;
  pthread_mutex_lock(&files_lock);
  struct file *f = find_volatile(relative(path));
  if (f) st->st_size = f->size;
  pthread_mutex_unlock(&files_lock);
  return 0;
}

static int fs_truncate(const char *path, off_t size, struct fuse_file_info *info) {
  (void)info;
  if (is_volatile) return -ENOTSUP;
  int fd = openat(backing, relative(path), O_WRONLY);
  int error = fd < 0 || ftruncate(fd, size) < 0 ? -errno : 0;
  if (fd >= 0) close(fd);
  return error;
}

static int fs_unlink(const char *path) { return unlinkat(backing, relative(path), 0) < 0 ? -errno : 0; }

static int fs_mkdir(const char *path, mode_t mode) {
  if (mkdirat(backing, relative(path), mode) < 0) return -errno;
  if (strcmp(path, "/release") == 0) __atomic_store_n(&released, 1, __ATOMIC_RELAXED);
  return 0;
}

static int fs_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *info,
                      enum fuse_readdir_flags flags) {
  (void)offset, (void)info, (void)flags;
  DIR *dir = fdopendir(openat(backing, relative(path), O_RDONLY | O_DIRECTORY));
  if (!dir) return -errno;
  for (struct dirent *entry; (entry = readdir(dir));) fill(buffer, entry->d_name, NULL, 0, 0);
  closedir(dir);
  return 0;
}

static void *fs_init(struct fuse_conn_info *connection, struct fuse_config *config) {
  (void)connection;
  config->intr = 1;
  config->attr_timeout = config->entry_timeout = config->negative_timeout = keeps_names ? 3600 : 0;
  return NULL;
}

static const struct fuse_operations operations = {
    .init = fs_init, .open = fs_open, .create = fs_create, .release = fs_release, .read = fs_read, .write = fs_write, .fsync = fs_fsync,
    .flush = fs_flush, .getattr = fs_getattr, .truncate = fs_truncate, .unlink = fs_unlink, .mkdir = fs_mkdir, .readdir = fs_readdir,
};

// libfuse tells a thread of an interrupt by a signal, for which it has a handler only from some version on.
static void interrupted(int signo) { (void)signo; }

int main(int argc, char **argv) {
  sigaction(SIGUSR1, &(struct sigaction){.sa_handler = interrupted}, NULL);
  if (argc < 3) return 2;
  backing = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (backing < 0) return perror(argv[1]), 1;
  is_volatile = argc > 3 && !strcmp(argv[3], "volatile");
  keeps_names = argc > 3 && !strcmp(argv[3], "names");
  char *arguments[] = {argv[0], "-f", "-o", "fsname=faultfs,max_threads=16", argv[2], NULL};
  return fuse_main(5, arguments, &operations, NULL);
}
