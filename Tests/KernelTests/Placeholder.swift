enum KernelTestsPlaceholder {}
