import COpenBLAS
import Glibc
import Synchronization

/// The memory of OpenBLAS: a buffer for each thread, taken when the thread first multiplies.
///
/// Where no buffer can be had, OpenBLAS tries for ever (`blas_memory_alloc` in driver/others/memory.c of OpenBLAS 0.3).
/// So all buffers are taken before any work, once it is known that there is room.
public enum BLASMemory {
  /// Bytes of one buffer (`BUFFER_SIZE` in common_x86_64.h and common_arm64.h), with a margin.
  private static let buffer = 32 << 22 + 1 << 16

  /// OpenBLAS has places for twice the threads that it is built for. Debian builds it for 64.
  public static let mostThreads = 128

  public struct Shortage: Error, Equatable, CustomStringConvertible {
    public let threads: Int
    public let bytes: Int

    public var description: String {
      "\(bytes >> 20) MB of address space for \(threads) \(threads == 1 ? "thread" : "threads") can't be had: OpenBLAS needs "
        + "\((bytes / max(1, threads)) >> 20) MB for each; raise the limit (ulimit -v), or lower --threads"
    }
  }

  private static let reserved = Mutex(0)

  /// Checks that the memory of so many threads can be had, and takes none.
  public static func requireRoom(threads: Int) throws(Shortage) {
    let bytes = threads * buffer
    guard let place = mmap(nil, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), place != MAP_FAILED
    else { throw Shortage(threads: threads, bytes: bytes) }
    munmap(place, bytes)
  }

  /// Makes OpenBLAS take the buffers of so many threads.
  public static func reserve(threads: Int) throws(Shortage) {
    let threads = max(1, min(threads, mostThreads))
    try reserved.withLock { (reserved) throws(Shortage) in
      guard threads > reserved else { return }
      try requireRoom(threads: threads)
      let buffers = (0..<threads).map { _ in blas_memory_alloc(0) }
      for buffer in buffers { blas_memory_free(buffer) }
      reserved = threads
    }
  }
}
