"""The self-assessment for the national standard GB/T 45654-2025: plan, run, review, report."""
