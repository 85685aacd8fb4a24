import COpenBLAS
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The memory that OpenBLAS works in: a buffer for each thread that multiplies, taken when a thread first does.
///
/// Where it cannot have one it tries again for ever (`blas_memory_alloc` in driver/others/memory.c of OpenBLAS 0.3). So
/// all buffers are asked for before any work, when it is known that they can be had.
public enum BLASMemory {
  /// Of one buffer (`BUFFER_SIZE` in common_x86_64.h and common_arm64.h), with what lies beside it.
  private static let buffer = 32 << 22 + 1 << 16

  /// OpenBLAS has places for twice the threads that it is built for, 64 in Debian's.
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

  /// Whether so many threads' memory can be had. None is taken.
  public static func requireRoom(threads: Int) throws(Shortage) {
    let bytes = threads * buffer
    guard let place = mmap(nil, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), place != MAP_FAILED
    else { throw Shortage(threads: threads, bytes: bytes) }
    munmap(place, bytes)
  }

  /// Has OpenBLAS take what so many threads need.
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
