// SPDX-License-Identifier: Apache-2.0
// What the host environment provides. Every other file asks for it here; only the files of this folder name process,
// Deno, document, Worker or node:*.

/** One end of a channel to another thread. Messages are structured clones. */
export interface Port {
  post(message: unknown, transfer?: readonly Transferable[]): void
  /** Replaces the listener. */
  onMessage(listener: (message: unknown) => void): void
}

/** A thread that runs one of our bundles. */
export interface Thread extends Port {
  /** Called once when the thread fails to load, throws, or ends without having been told to. */
  onFailure(listener: (error: Error) => void): void
  /** Whether the thread keeps the process alive; it does until told otherwise. */
  keepsAlive(yes: boolean): void
  /** Ends the thread at once, whatever it is doing; resolves when it is gone. */
  end(): Promise<void>
}

/** A file open for reading at any place. */
export interface FileReader {
  readonly size: number
  read(offset: number, length: number): Promise<Uint8Array>
  close(): Promise<void>
}

export interface Platform {
  readonly name: 'node' | 'deno' | 'bun' | 'browser'
  /** The version of the engine, for `portafilter info`. */
  readonly version: string
  /** The arguments of the command line; none in browsers. */
  readonly args: readonly string[]

  /** All bytes of a file or URL; what cannot be read is a PfError 'file'. */
  read(path: string | URL, signal?: AbortSignal): Promise<Uint8Array>
  readText(path: string | URL, signal?: AbortSignal): Promise<string>
  /** Opens a large file without reading it; in browsers a URL whose server answers range requests. */
  open(path: string | URL): Promise<FileReader>
  /** Writes a file and the folders it needs; in browsers a PfError 'unsupported'. */
  write(path: string | URL, data: Uint8Array | string): Promise<void>
  /** The names in a folder, sorted; those of folders end with a slash. */
  list(path: string | URL): Promise<string[]>
  exists(path: string | URL): Promise<boolean>
  remove(path: string | URL): Promise<void>
  /** Gives a file another name, in place of what had it: whoever opens that name finds the one or the other, whole. */
  rename(from: string, to: string): Promise<void>
  /** Where downloads may be kept, or undefined where there is no such place. */
  cacheFolder(): string | undefined

  env(name: string): string | undefined
  /** Writes text as it is, without adding a line end, to the console's output or error stream. */
  print(text: string, stream?: 'out' | 'error'): void
  /** Is that stream a person's terminal rather than a file, a pipe or a page's console? */
  isTerminal(stream: 'out' | 'error'): boolean
  /** Calls the listener on Ctrl-C, which then does not end the process; answers how to stop listening. */
  onInterrupt(listener: () => void): () => void
  /** On the first thread: calls the listener when the process ends by itself, with its status; nothing can be waited for then. */
  onExit(listener: (status: number) => unknown): void
  /** Sets the status the process ends with. */
  exitStatus(status: number): void
  /** Processors this process may use. */
  cores(): number
  /** Milliseconds from a steady clock. */
  now(): number
  /** Why no memory can be shared with other threads here, or undefined where it can. */
  whyNoSharedMemory(): string | undefined
  /** Whether this thread may sleep until another one wakes it; a page's own thread may not. */
  mayWait(): boolean
  /** Whether this is the thread that must stay responsive: the engine is then better off in a worker. */
  isPageThread(): boolean
  /** Turns on engine features that are finished but still behind a switch, as relaxed SIMD is in Node 20. */
  enableFeatures(): Promise<void>
  /** Runs the ES module at `url` in a thread of its own. */
  startThread(url: URL, name: string): Thread
  /** The way to whoever started this thread; undefined on the first thread. */
  parent(): Port | undefined
  /** Loads a native addon; throws what the engine throws when it cannot. */
  loadAddon(url: URL): Promise<unknown>
  /** Runs a script of the source tree in a process of its own, its output on ours; answers its exit status. */
  runScript(url: URL, args: readonly string[], signal?: AbortSignal): Promise<number>
}
