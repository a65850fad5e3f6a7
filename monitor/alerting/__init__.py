"""What is told, when and why: grouping, reasons and rendering. Pure: `now` is an argument."""
