"""Tests of the synthetic dumps."""
