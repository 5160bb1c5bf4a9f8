// The Node.js runtime: handlers with a callback, async handlers, and the context object, as AWS's
// own runtime gives them. It talks frames over descriptor 3; `frames.py` says what they are.
"use strict";

const fs = require("node:fs");
const net = require("node:net");
const path = require("node:path");
const { Writable } = require("node:stream");
const util = require("node:util");
const { pathToFileURL } = require("node:url");

const Kind = { INVOKE: 1, READY: 2, RESPONSE: 3, ERROR: 4, INIT_ERROR: 5, STREAM: 6, PIECE: 7, STREAM_END: 8 };
const PREFIX_LENGTH = 9;

const channel = new net.Socket({ fd: 3, readable: true, writable: true });
let current = null; // the invocation under way
let received = Buffer.alloc(0);

function send(kind, head, body, sent) {
  const text = Buffer.from(JSON.stringify(head));
  const prefix = Buffer.alloc(PREFIX_LENGTH);
  prefix.writeUInt8(kind, 0);
  prefix.writeUInt32BE(text.length, 1);
  prefix.writeUInt32BE(body.length, 5);
  channel.write(Buffer.concat([prefix, text, body]), sent);
}

// -- errors ------------------------------------------------------------------------------------

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

function describe(error) {
  if (util.types.isNativeError(error) || error instanceof Error) {
    return {
      errorType: String(error.name ?? "Error"),
      errorMessage: String(error.message ?? ""),
      trace: String(error.stack ?? "").split("\n"),
    };
  }
  return {
    errorType: typeof error,
    errorMessage: error === undefined ? "undefined" : String(error),
    trace: [],
  };
}

function logError(title, error) {
  const details = { ...describe(error), stack: undefined };
  if (error && typeof error === "object") {
    for (const key of Object.keys(error)) {
      if (!(key in details)) details[key] = error[key];
    }
  }
  let text;
  try {
    text = JSON.stringify(details);
  } catch {
    text = JSON.stringify(describe(error));
  }
  if (AS_JSON) {
    const { trace, stack, ...said } = details;
    console.error({ ...said, stackTrace: trace });
    return;
  }
  console.error(title, "\t", text);
}

function failForGood(name, error, status) {
  const failure = new RuntimeError(name, String(error?.message ?? error));
  failure.stack = error?.stack ?? failure.stack;
  logError(name === "Runtime.UnhandledPromiseRejection" ? "Unhandled Promise Rejection" : "Uncaught Exception", failure);
  const body = Buffer.from(JSON.stringify({ ...describe(failure), reason: undefined }));
  const exit = () => process.exit(status);
  if (current) send(Kind.ERROR, { id: current.id }, body, exit);
  else send(Kind.INIT_ERROR, {}, body, exit);
}

process.on("uncaughtException", (error) => {
  failForGood(error?.name ?? "Error", error, 129);
});
process.on("unhandledRejection", (reason) => {
  failForGood("Runtime.UnhandledPromiseRejection", reason, 128);
});

// -- console -----------------------------------------------------------------------------------

const AS_JSON = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const LEVELS = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"];
const LOWEST = AS_JSON ? Math.max(0, LEVELS.indexOf(process.env.AWS_LAMBDA_LOG_LEVEL)) : 0;

function describeInLog(error) {
  return {
    errorType: error.constructor?.name ?? "UnknownError",
    errorMessage: error.message,
    stackTrace: String(error.stack ?? "").split("\n"),
  };
}

function formatJson(level, values) {
  const head = { timestamp: new Date().toISOString(), level, requestId: current?.id };
  if (values.length === 1) {
    try {
      const inner = (_, value) => (value instanceof Error ? { ...describeInLog(value), ...value } : value);
      return JSON.stringify({ ...head, message: values[0] }, inner);
    } catch {
      // What JSON cannot hold is a text.
    }
  }
  const error = values.length > 1 && values.find((value) => value instanceof Error);
  return JSON.stringify({ ...head, message: util.format(...values), ...(error && describeInLog(error)) });
}

function formatText(level, values) {
  // What is logged at once is one event, so its lines are joined as AWS's runtime joins them.
  const text = util.format(...values).replaceAll("\n", "\r");
  return `${new Date().toISOString()}\t${current?.id}\t${level}\t${text}`;
}

for (const [name, level] of [
  ["log", "INFO"],
  ["debug", "DEBUG"],
  ["info", "INFO"],
  ["warn", "WARN"],
  ["error", "ERROR"],
  ["trace", "TRACE"],
]) {
  console[name] = (...values) => {
    if (LEVELS.indexOf(level) < LOWEST) return;
    const line = AS_JSON ? formatJson(level, values) : formatText(level, values);
    // Synchronous, so that it stands before what is sent afterwards.
    fs.writeSync(1, `${line}\n`);
  };
}

// -- responses in pieces -----------------------------------------------------------------------

const STREAMING = Symbol.for("aws.lambda.runtime.handler.streaming");
const HIGH_WATER_MARK = Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark");
const HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response";
const LONGEST_PIECE = 64 * 1024;

class ResponseStream extends Writable {
  #invocation;
  #contentType = "application/octet-stream";

  constructor(invocation, highWaterMark) {
    super(highWaterMark ? { highWaterMark } : {});
    this.#invocation = invocation;
    this.begun = false;
  }

  setContentType(contentType) {
    if (this.begun) throw new RuntimeError("InvalidStreamingOperation", "Cannot set content-type, too late.");
    this.#contentType = contentType;
  }

  write(chunk, ...rest) {
    const plain = typeof chunk === "string" || chunk instanceof Uint8Array;
    return super.write(plain ? chunk : JSON.stringify(chunk), ...rest);
  }

  _write(chunk, encoding, callback) {
    this.#begin();
    this.#send(chunk, callback);
  }

  _final(callback) {
    this.#begin();
    callback();
  }

  #begin() {
    if (this.begun) return;
    this.begun = true;
    if (current === this.#invocation) {
      send(Kind.STREAM, { id: this.#invocation.id, content_type: this.#contentType }, Buffer.alloc(0));
    }
    this._onBeforeFirstWrite?.((chunk) => this.#send(Buffer.from(chunk)));
  }

  #send(chunk, callback) {
    if (current !== this.#invocation) {
      callback?.(new Error("The invocation has ended."));
      return;
    }
    for (let start = 0; start < chunk.length; start += LONGEST_PIECE) {
      const last = start + LONGEST_PIECE >= chunk.length;
      const piece = chunk.subarray(start, start + LONGEST_PIECE);
      // The next write waits until this one has left: so a reader that is slow slows the function.
      send(Kind.PIECE, { id: this.#invocation.id }, piece, last ? callback : undefined);
    }
    if (chunk.length === 0) callback?.();
  }
}

class HttpResponseStream {
  static from(stream, prelude) {
    stream.setContentType(HTTP_INTEGRATION);
    const metadata = JSON.stringify(prelude);
    stream._onBeforeFirstWrite = (write) => {
      write(metadata);
      write(new Uint8Array(8));
    };
    return stream;
  }
}

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMING] = "response";
    if (typeof options?.highWaterMark === "number") handler[HIGH_WATER_MARK] = options.highWaterMark;
    return handler;
  },
  HttpResponseStream,
};

async function stream(invocation, handler, event, context) {
  const response = new ResponseStream(invocation, handler[HIGH_WATER_MARK]);
  const finished = new Promise((resolve, reject) => {
    response.on("finish", resolve);
    response.on("error", reject);
  });
  finished.catch(() => {});
  try {
    const result = handler(event, response, context);
    if (typeof result?.then !== "function") throw new Error("Streaming does not support non-async handlers.");
    const value = await result;
    if (value !== undefined) console.warn("Streaming handlers ignore return values.");
    await finished;
    finish(invocation, Kind.STREAM_END, {}, Buffer.alloc(0));
  } catch (error) {
    if (!response.begun) {
      fail(invocation, error);
    } else if (current === invocation) {
      logError("Invoke Error", error);
      finish(invocation, Kind.STREAM_END, {}, Buffer.from(JSON.stringify(describe(error))));
    }
    response.destroy();
  }
}

// -- the handler -------------------------------------------------------------------------------

async function loadModule(root, name) {
  const base = path.resolve(root, name);
  for (const extension of ["", ".js", ".mjs", ".cjs"]) {
    const file = base + extension;
    if (!fs.existsSync(file) || !fs.statSync(file).isFile()) continue;
    if (extension === ".mjs") return import(pathToFileURL(file).href);
    try {
      return require(file);
    } catch (error) {
      if (error?.code !== "ERR_REQUIRE_ESM" && error?.code !== "ERR_REQUIRE_ASYNC_MODULE") throw error;
      return import(pathToFileURL(file).href);
    }
  }
  throw new RuntimeError("Runtime.ImportModuleError", `Error: Cannot find module '${path.basename(name)}'\nRequire stack:\n- ${root}`);
}

async function loadHandler(root, text) {
  if (text.includes("..")) {
    throw new RuntimeError("Runtime.MalformedHandlerName", `'${text}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  }
  const base = path.basename(text);
  const dot = base.indexOf(".");
  if (dot < 1 || dot === base.length - 1) {
    throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  }
  const name = path.join(path.dirname(text), base.slice(0, dot));
  let module;
  try {
    module = await loadModule(root, name);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError("Runtime.UserCodeSyntaxError", String(error));
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw new RuntimeError("Runtime.ImportModuleError", String(error));
    }
    throw error;
  }
  let handler = module;
  for (const part of base.slice(dot + 1).split(".")) handler = handler?.[part] ?? module.default?.[part];
  if (handler === undefined) throw new RuntimeError("Runtime.HandlerNotFound", `${text} is undefined or not exported`);
  if (typeof handler !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${text} is not a function`);
  return handler;
}

// -- an invocation -----------------------------------------------------------------------------

function finish(invocation, kind, head, body) {
  if (current !== invocation) return; // answered before
  current = null;
  channel.ref();
  send(kind, { id: invocation.id, ...head }, body);
}

function succeed(invocation, value) {
  let text;
  try {
    text = JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    fail(invocation, new RuntimeError("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`));
    return;
  }
  finish(invocation, Kind.RESPONSE, { content_type: "application/json" }, Buffer.from(text ?? "null"));
}

function fail(invocation, error) {
  if (current !== invocation) return;
  logError("Invoke Error", error);
  finish(invocation, Kind.ERROR, {}, Buffer.from(JSON.stringify(describe(error))));
}

function makeContext(invocation, head) {
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: head.client_context ? JSON.parse(head.client_context) : undefined,
    identity: undefined,
    invokedFunctionArn: head.arn,
    awsRequestId: invocation.id,
    getRemainingTimeInMillis: () => head.deadline_ms - Date.now(),
  };
  context.done = (error, value) => {
    const answer = () => (error ? fail(invocation, error) : succeed(invocation, value));
    if (context.callbackWaitsForEmptyEventLoop && !error) invocation.whenIdle = answer;
    else answer();
  };
  context.succeed = (value) => context.done(null, value);
  context.fail = (error) => context.done(error ?? "handled");
  return context;
}

function invoke(handler, head, body) {
  const invocation = { id: head.id, whenIdle: null };
  current = invocation;
  if (head.trace_id) process.env._X_AMZN_TRACE_ID = head.trace_id;
  // The channel must not keep the event loop busy: that it is empty means something here.
  channel.unref();
  invocation.whenIdle = () => succeed(invocation, null);
  try {
    const context = makeContext(invocation, head);
    if (handler[STREAMING] === "response") {
      // A stream that is never ended keeps the invocation open until it times out.
      invocation.whenIdle = () => channel.ref();
      stream(invocation, handler, JSON.parse(body.toString("utf8")), context);
      return;
    }
    const result = handler(JSON.parse(body.toString("utf8")), context, (error, value) => context.done(error, value));
    if (typeof result?.then === "function") {
      result.then(
        (value) => succeed(invocation, value),
        (error) => fail(invocation, error),
      );
    }
  } catch (error) {
    fail(invocation, error);
  }
}

process.on("beforeExit", () => {
  if (current) current.whenIdle();
});

function takeFrames(handler) {
  while (received.length >= PREFIX_LENGTH) {
    const headLength = received.readUInt32BE(1);
    const bodyLength = received.readUInt32BE(5);
    const end = PREFIX_LENGTH + headLength + bodyLength;
    if (received.length < end) return;
    const head = JSON.parse(received.toString("utf8", PREFIX_LENGTH, PREFIX_LENGTH + headLength));
    const body = received.subarray(PREFIX_LENGTH + headLength, end);
    received = received.subarray(end);
    invoke(handler, head, body);
  }
}

async function main() {
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
  } catch (error) {
    logError("Uncaught Exception", error);
    send(Kind.INIT_ERROR, {}, Buffer.from(JSON.stringify(describe(error))), () => process.exit(1));
    return;
  }
  channel.on("data", (data) => {
    received = received.length ? Buffer.concat([received, data]) : data;
    takeFrames(handler);
  });
  channel.on("close", () => process.exit(0));
  channel.on("error", () => process.exit(0));
  send(Kind.READY, {}, Buffer.alloc(0));
}

main();
