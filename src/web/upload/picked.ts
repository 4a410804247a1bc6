/** A file to upload and its name on the server: its path, if a folder was chosen. */
export interface Picked {
  readonly file: File
  readonly name: string
}

/** The files that were chosen in an input, with their paths in folders. */
export function pickedFrom(input: HTMLInputElement): Picked[] {
  return Array.from(input.files ?? [], (file) => ({
    file,
    name: file.webkitRelativePath || file.name,
  }))
}

/** Yields the dropped files, those in folders too. Call it before the event handler returns. */
export async function* droppedFiles(transfer: DataTransfer): AsyncGenerator<Picked> {
  const items = Array.from(transfer.items).filter(({ kind }) => kind === 'file')
  const entries = items.map((item) => item.webkitGetAsEntry())
  const files = items.map((item) => item.getAsFile())
  for (const [index, entry] of entries.entries()) {
    const file = files[index]
    if (entry?.isDirectory) yield* walk(entry as FileSystemDirectoryEntry)
    else if (file) yield { file, name: file.name }
  }
}

async function* walk(folder: FileSystemDirectoryEntry): AsyncGenerator<Picked> {
  const reader = folder.createReader()
  for (;;) {
    const entries = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    )
    // A folder is read in batches until one is empty.
    if (entries.length === 0) return
    for (const entry of entries) {
      if (entry.isDirectory) yield* walk(entry as FileSystemDirectoryEntry)
      else yield { file: await fileOf(entry as FileSystemFileEntry), name: pathOf(entry) }
    }
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => entry.file(resolve, reject))
}

function pathOf(entry: FileSystemEntry): string {
  return entry.fullPath.replace(/^\//, '')
}
