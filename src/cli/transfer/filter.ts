export interface FilterOptions {
  /** Globs, of which a file has to match one. Default: all files. */
  include?: string[]
  /** Globs of files and folders to leave out. Default: none. */
  exclude?: string[]
}

/** What to leave out; paths are below the folder that was given, with slashes. */
export interface Filter {
  leavesOut(path: string): boolean
  takes(path: string): boolean
}

/**
 * Makes a filter of globs. One without a slash matches the last part of a path, at any depth; `**` is any
 * number of folders.
 */
export async function filterOf({ include = [], exclude = [] }: FilterOptions): Promise<Filter> {
  if (include.length + exclude.length === 0) return { leavesOut: () => false, takes: () => true }
  const { default: picomatch } = await import('picomatch') // Not for most uses.
  const matcher = (globs: readonly string[]) => {
    const tests = globs.map((glob) => {
      const plain = glob.replace(/^\.?\/|\/$/g, '')
      return picomatch(plain, { dot: true, basename: !glob.replace(/\/$/, '').includes('/') })
    })
    return (path: string) => tests.some((matches) => matches(path))
  }
  const takes = include.length === 0 ? () => true : matcher(include)
  return { leavesOut: matcher(exclude), takes }
}
