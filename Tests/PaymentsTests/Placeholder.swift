enum PaymentsTestsPlaceholder {}
