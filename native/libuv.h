// The part of libuv's ABI this addon uses, declared here because node-api-headers does not carry uv.h and the
// addon must build without any header of the Node installation. The functions and the values of uv_handle_type
// are stable throughout libuv 1.x; handles are allocated by uv_handle_size(), so no struct layout is assumed.
// https://docs.libuv.org/en/v1.x/api.html
#ifndef LINUX_AIO_LIBUV_H
#define LINUX_AIO_LIBUV_H

#include <stddef.h>

typedef struct uv_loop_s uv_loop_t;
typedef struct uv_handle_s uv_handle_t;
typedef struct uv_poll_s uv_poll_t;
typedef struct uv_check_s uv_check_t;

enum { LIBUV_HANDLE_CHECK = 2, LIBUV_HANDLE_POLL = 8 };  // uv_handle_type
enum { LIBUV_READABLE = 1 };                             // uv_poll_event

size_t uv_handle_size(int type);
void *uv_handle_get_data(const uv_handle_t *handle);
void uv_handle_set_data(uv_handle_t *handle, void *data);
void uv_ref(uv_handle_t *handle);
void uv_unref(uv_handle_t *handle);
void uv_close(uv_handle_t *handle, void (*closed)(uv_handle_t *handle));
int uv_poll_init(uv_loop_t *loop, uv_poll_t *handle, int fd);
int uv_poll_start(uv_poll_t *handle, int events, void (*ready)(uv_poll_t *handle, int status, int events));
int uv_poll_stop(uv_poll_t *handle);
int uv_check_init(uv_loop_t *loop, uv_check_t *handle);
int uv_check_start(uv_check_t *handle, void (*ran)(uv_check_t *handle));
int uv_check_stop(uv_check_t *handle);

#endif
