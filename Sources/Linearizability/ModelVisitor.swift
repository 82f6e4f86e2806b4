// From a model's name to its type: what is done with any model is compiled for each.
//
// An `any Model` would be shorter, and several times slower: the engines must know the states.

import History

/// Something to be done with a model, whichever it is.
protocol ModelVisitor {
  associatedtype Outcome
  func visit<M: Model>(_ model: M) throws(CheckError) -> Outcome
}

extension ModelName {
  /// Makes the model and hands it to `visitor`.
  ///
  /// - Throws: `CheckError` when `initial` is no state of the model, a semaphore has no capacity,
  ///   or the visitor throws one.
  func visit<V: ModelVisitor>(
    _ visitor: V, initial: Value, capacity: Int?
  ) throws(CheckError) -> V.Outcome {
    switch self {
    case .register: return try visitor.visit(RegisterModel(initial: initial))
    case .casRegister: return try visitor.visit(CASRegisterModel(initial: initial))
    case .unknownReadRegister: return try visitor.visit(UnknownReadModel(initial: initial))
    case .multiRegister: return try visitor.visit(MultiRegisterModel(initial: initial))
    case .kv: return try visitor.visit(KVModel(initial: initial))
    case .counter: return try visitor.visit(CounterModel(initial: initial))
    case .mutex: return try visitor.visit(MutexModel(initial: initial))
    case .ownedMutex: return try visitor.visit(OwnedMutexModel(initial: initial))
    case .fencedLock: return try visitor.visit(FencedLockModel(initial: initial))
    case .semaphore:
      guard let capacity else { throw CheckError(reason: .noCapacity) }
      return try visitor.visit(SemaphoreModel(initial: initial, capacity: capacity))
    case .set: return try visitor.visit(SetModel(initial: initial))
    case .queue: return try visitor.visit(QueueModel(initial: initial))
    case .stack: return try visitor.visit(StackModel(initial: initial))
    case .priorityQueue: return try visitor.visit(PriorityQueueModel(initial: initial))
    case .appendList: return try visitor.visit(AppendListModel(initial: initial))
    }
  }
}
