// patchstream for C++17: one header over the C interface (patchstream.h), which is the manual.
//
// Handles are move-only and close themselves. Each call comes twice: `select(...)` throws patchstream::Error on the
// host's side, `try_select(...)` returns the status and throws nothing. Without exceptions (-fno-exceptions) only the
// second kind is there. Statuses above 0 (again, full, known, stopped, dropped) are answers, not errors: nothing throws them.
//
// Its parts lie beside it in patchstream/, and are included by this header alone.
// Not here: flatbuffers (bytes() gives the message to those who have them), any thread or state of this header's own.
#ifndef PATCHSTREAM_HPP
#define PATCHSTREAM_HPP

#include "patchstream/answers.hpp"
#include "patchstream/base.hpp"
#include "patchstream/feedback.hpp"
#include "patchstream/job.hpp"
#include "patchstream/model.hpp"
#include "patchstream/stream.hpp"

#endif  // PATCHSTREAM_HPP
